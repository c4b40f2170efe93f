"""The topology update: one prune-and-grow, the same for every criterion, growth and engine, and for one's own loop."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from criteria.ablation import update_with_ablation
from criteria.api import Criterion, Growth, Layer
from criteria.errors import InputError
from criteria.fan_in import update_each_output
from criteria.global_scope import update_together
from criteria.outcome import TopologyUpdate, checked, growable, uniform_start
from criteria.rules import Resurrection, Rules, exchange, prune_count

__all__ = [
    "Resurrection",
    "TopologyUpdate",
    "checked",
    "growable",
    "prune_count",
    "starting_weights",
    "tensors_of",
    "update_layers",
    "update_topology",
    "write_back",
]


def update_layers(
    layers: Sequence[Layer],
    criterion: Criterion,
    growth: Growth,
    prune_fraction: float,
    rules: Rules,
    targets: Sequence[int | None] | None = None,
) -> list[TopologyUpdate]:
    """Prune and grow the same number of weights of ``layers`` (at least one) by ``rules``; one outcome per layer.

    With ``targets`` the numbers differ: each layer, or all of them together in global scope, then has as many active
    weights as these say, from 1 to all; beside that weights are replaced as without (:func:`criteria.rules.exchange`).
    With an ablation of units ``targets`` are the numbers that the layers started with, or None for a layer that keeps
    all of its units, as the last one of a network should.

    In local scope the density of each layer stays exactly what it is, in global scope that of all layers together.
    The layers are not changed: :func:`write_back` does that.

    With ``resurrection="forbid"`` growth chooses among the positions that were inactive before the update: nothing
    pruned comes back at once. With ``"allow"`` it may also choose what was just pruned, as the paper's released code
    does; ``"restart"`` selects as ``"allow"`` does, and differs in what is written back. With ``grown_value="uniform"``
    each layer's generator gives the values that grown weights start at; old values belong to whoever keeps the weights.

    Raises ``ValueError`` where the criterion or growth does not select the number asked for, or selects elsewhere, and
    :class:`InputError` for a normalisation that cannot be done.
    """
    if rules.scope == "local":
        if targets is None and rules.ablation:
            raise InputError("an ablation of units needs to know how many weights each layer started with")
        wanted = [None] * len(layers) if targets is None else targets
        pairs = zip(layers, wanted, strict=True)
        found = [_update_alone(layer, criterion, growth, prune_fraction, rules, target) for layer, target in pairs]
    else:
        total = None if targets is None else sum(target for target in targets if target is not None)
        found = update_together(layers, criterion, growth, prune_fraction, rules, total)
    if rules.grown_value != "uniform":
        return found
    return [replace(update, start=uniform_start(layer)) for layer, update in zip(layers, found, strict=True)]


@torch.no_grad()
def write_back(weight: Tensor, mask: Tensor, state: Sequence[Tensor], update: TopologyUpdate, rules: Rules) -> None:
    """Change one layer, in place, as ``update`` and ``rules`` say; every tensor is [*shape], ``mask`` is bool.

    Pruned weights become 0 and grown ones start where the update says, at 0 if it does not; one that is pruned and
    grown keeps its value, or starts as the others with ``resurrection="restart"``. ``state`` are the tensors that the
    optimizer keeps for the weight, such as its momentum.
    """
    starting = None if update.start is None else starting_weights(mask, update, rules)
    if rules.resurrection == "restart":
        weight.mul_(~update.pruned)
    if rules.grown_momentum != "keep":
        for kept in state:
            _start_grown(kept, mask & ~update.pruned, update.grown, rules)
    mask.copy_(update.mask)
    weight.mul_(mask)
    if starting is not None and update.start is not None:
        weight.copy_(torch.where(starting, update.start.to(weight), weight))


def starting_weights(before: Tensor, update: TopologyUpdate, rules: Rules) -> Tensor:
    """The grown weights that start anew, bool [*shape]; ``before`` are those that were active before the update."""
    return update.grown & (~before | update.pruned) if rules.resurrection == "restart" else update.grown & ~before


def tensors_of(update: TopologyUpdate) -> list[Tensor]:
    """The tensors of an update, which all processes that train one network have to agree on."""
    each = (update.mask, update.pruned, update.grown, update.start)
    return [tensor for tensor in each if tensor is not None]


def update_topology(
    layer: Layer, criterion: Criterion, growth: Growth, prune_fraction: float, resurrection: Resurrection = "forbid"
) -> TopologyUpdate:
    """Prune and grow one layer by itself: :func:`update_layers` in local scope."""
    return update_layers([layer], criterion, growth, prune_fraction, Rules(resurrection=resurrection))[0]


def _update_alone(
    layer: Layer, criterion: Criterion, growth: Growth, prune_fraction: float, rules: Rules, target: int | None
) -> TopologyUpdate:
    mask, resurrection = layer.mask, rules.resurrection
    if rules.ablation and target is not None:
        return update_with_ablation(layer, criterion, growth, prune_fraction, rules, target)
    if rules.fan_in == "constant":
        if target not in (None, int(mask.count_nonzero())):
            raise InputError("units that keep their fan_in keep the density of their layer; it cannot change")
        return update_each_output(layer, criterion, growth, prune_fraction, resurrection)
    active = int(mask.count_nonzero())
    less, more = exchange(active, mask.numel(), active if target is None else target, prune_fraction, resurrection)
    pruned = checked(criterion.select(layer, less), less, mask, f"criterion {type(criterion).__name__}", layer.name)
    candidates = growable(mask, pruned, resurrection)
    who = f"growth {type(growth).__name__}"
    grown = checked(growth.select(layer, more, candidates), more, candidates, who, layer.name)
    return TopologyUpdate(mask=(mask & ~pruned) | grown, pruned=pruned, grown=grown)


def _start_grown(state: Tensor, survivors: Tensor, grown: Tensor, rules: Rules) -> None:
    """What grown weights find in one tensor of the optimizer's state."""
    if rules.grown_momentum == "mean" and bool(survivors.any()):
        state[grown] = state[survivors].mean()
    else:
        state.mul_(~grown)
