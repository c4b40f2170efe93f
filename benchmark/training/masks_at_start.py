"""Masks that a baseline chooses before training, where it does not leave them to chance."""

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from baselines import Baseline
from benchmark.data.dataset import Dataset
from benchmark.system.plugin_failures import blaming
from benchmark.system.seeding import seed_numpy_and_python
from benchmark.training.layer_roles import chosen_layers, counts_beside_dense
from benchmark.training.loss import classification_loss
from benchmark.training.members import Member
from criteria.errors import InputError
from criteria.randomness import stream
from criteria.selection import lowest

CPU = torch.device("cpu")
Examples: TypeAlias = tuple[Tensor, Tensor]
"""Inputs [examples, *shape] and their classes."""


def with_chosen_masks(
    masks: Mapping[str, Tensor], members: Sequence[Member], networks: Sequence[nn.Module], dataset: Dataset
) -> dict[str, Tensor]:
    """The masks, bool [members, *shape] by name, with those that a member's baseline chooses in place of drawn ones.

    ``networks`` have the initial weights of each member. A layer may be left without any weight (layer collapse), which
    its density at the end says. Raises :class:`PluginError` for a baseline that fails.
    """
    found = dict(masks)
    for index, (member, network) in enumerate(zip(members, networks, strict=True)):
        if member.chooser is not None:
            own = _chosen(member, member.chooser, network, dataset, list(masks))
            found = {
                name: torch.cat([mask[:index], own[name][None], mask[index + 1 :]]) for name, mask in found.items()
            }
    return found


def _chosen(
    member: Member, baseline: Baseline, network: nn.Module, dataset: Dataset, names: Sequence[str]
) -> dict[str, Tensor]:
    if member.fan_in == "constant":
        raise InputError(f"{baseline!r} chooses weights one by one, and no unit keeps its fan_in; set fan_in: free")
    weights = {name: network.get_parameter(name).detach() for name in names}
    counts = counts_beside_dense(
        {name: tuple(weight.shape) for name, weight in weights.items()},
        member.density,
        member.distribution,
        member.exclude,
    )
    dense = chosen_layers(names, member.exclude, "exclude")
    sparse = [name for name in names if name not in dense]
    total, budget = sum(weights[name].numel() for name in sparse), sum(counts[name] for name in sparse)
    left = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
    seen = _examples(member, baseline, dataset)
    for done in range(1, baseline.rounds + 1):
        kept = budget if done == baseline.rounds else round(total * (budget / total) ** (done / baseline.rounds))
        made = _masked(network, left, batch_statistics=baseline.batch_statistics)
        left |= _round(member, baseline, made, seen, {name: left[name] for name in sparse}, kept)
    return left


def _round(
    member: Member, baseline: Baseline, network: nn.Module, seen: Examples, left: Mapping[str, Tensor], kept: int
) -> dict[str, Tensor]:
    """What is left of ``left`` when the ``kept`` weights of highest score stay."""
    inputs, targets = seen
    loss = partial(_loss, targets)
    where = torch.cat([mask.flatten() for mask in left.values()])
    generator = stream(member.seed, "mask at start", member.density)
    draws = stream(member.seed, "scores of the mask at start", member.density, kept).initial_seed()
    with blaming(f"baseline {baseline!r} cannot choose a mask"):  # it puts the global generators back
        torch.default_generator.manual_seed(draws)
        seed_numpy_and_python(draws)
        with torch.enable_grad():
            scores = baseline.scores(network, list(left), inputs, loss)
        gone = lowest(torch.cat([scores[name].flatten() for name in left]), where, int(where.sum()) - kept, generator)
    parts = torch.split(where & ~gone, [mask.numel() for mask in left.values()])
    return {name: part.view(left[name].shape) for name, part in zip(left, parts, strict=True)}


def _masked(network: nn.Module, left: Mapping[str, Tensor], *, batch_statistics: bool) -> nn.Module:
    """A copy of the network without dropout, with what is left of its weights.

    In evaluation mode the batch-norm of an untrained network would change nothing, and the scores of a deep one would
    grow with every layer; the released code of SNIP and GraSP leaves the network in training mode.
    """
    made = copy.deepcopy(network).eval().requires_grad_()
    for module in made.modules():
        if isinstance(module, _BatchNorm):
            module.train(batch_statistics)
    with torch.no_grad():
        for name, mask in left.items():
            made.get_parameter(name).mul_(mask)
    return made


def _examples(member: Member, baseline: Baseline, dataset: Dataset) -> Examples:
    """Training examples, [examples, *shape], and their classes, drawn from a stream of the member's seed."""
    train = dataset.train
    order = torch.randperm(train.targets.numel(), generator=stream(member.seed, "examples of the mask at start"))
    chosen = order[: baseline.examples].to(train.targets.device)
    return dataset.seen(train.inputs[chosen], CPU), train.targets[chosen].to(CPU)


def _loss(targets: Tensor, logits: Tensor) -> Tensor:
    return classification_loss(logits[None], targets[None]).sum()
