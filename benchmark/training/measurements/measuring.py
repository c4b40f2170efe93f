"""Measuring a fleet while it trains, from its initial masks and its topology updates alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter
from torch import Tensor

from benchmark.experiments.outcome import Measured, Overlap
from benchmark.training.engines.engine import Engine, Needs
from benchmark.training.layer_roles import rewired_layers
from benchmark.training.measurements.flops import LayerWork, beside, count_flops
from benchmark.training.measurements.jaccard import overlap
from benchmark.training.members import Member
from benchmark.training.updates import layers_shown, plugin_errors
from criteria import TopologyUpdate
from criteria.ablation import ablated_units
from criteria.training.updating import named

Overlaps = TypeAdapter(list[list[Overlap]])
"""Those of each member as plain data and back."""


class Measuring:
    """Counts what a fleet does, without changing it.

    Call :meth:`trained` after each step's gradients, :meth:`before_update` and :meth:`after_update` around each
    topology update and :meth:`epoch_ended` after each epoch; :meth:`of_member` says what came out. Layers are in the
    engine's order.
    """

    def __init__(
        self,
        members: Sequence[Member],
        masks: Mapping[str, Tensor],
        flops_per_weight: dict[str, int],
        dense_flops: int | None = None,
    ) -> None:
        """``masks`` are the initial ones by layer, bool [members, *shape]; ``flops_per_weight`` is by layer.

        ``dense_flops`` are those of the dense network for one example, where it is not the members' own.
        """
        self._members = members
        self._dense_flops = dense_flops
        self._flops_per_weight = flops_per_weight
        self._weights = torch.tensor([mask[0].numel() for mask in masks.values()])
        self._ever = {name: mask.cpu().clone() for name, mask in masks.items()}
        self._active = torch.stack([_counts(masks, member) for member in range(len(members))])
        """[members, layers], as are the sums below."""
        self._active_examples = torch.zeros_like(self._active)
        self._inactive_gradients = torch.zeros_like(self._active)
        self._gathered = torch.zeros_like(self._active)
        """Gradients of inactive weights that went into the momentum, and that no growth has read so far."""
        self._more_forward = torch.zeros_like(self._active)
        self._rewired = [rewired_layers(list(masks), member) for member in members]
        self._by_epoch = [self._active.clone()]
        self._examples = 0
        self._examples_of_step = 0
        self._settled = [0] * len(members)
        """Examples up to each member's last update, which ``_active_examples`` has already."""
        self._hessian_examples = [0] * len(members)
        self._overlaps: list[list[Overlap]] = [[] for _ in members]
        self._ablated: list[dict[str, int]] = [{} for _ in members]

    def trained(self, examples: int) -> None:
        """Every member has seen this many more examples."""
        self._examples += examples
        self._examples_of_step = examples

    @torch.no_grad()
    def before_update(self, engine: Engine, member: int, step: int, total_steps: int) -> None:
        """Compare what criteria would prune, where the member wants that."""
        comparison, recipe = self._members[member].comparison, self._members[member].recipe
        if comparison is None or recipe is None or not comparison.due(step, recipe.topology.update_period):
            return
        fractions = comparison.fractions or (recipe.fraction(step, total_steps),)
        layers = layers_shown(engine, member, step, Needs.for_criteria(comparison.criteria))
        with plugin_errors(f"comparing {', '.join(map(named, comparison.criteria))}", step):
            for fraction in fractions:
                self._overlaps[member].append(overlap(layers, comparison.criteria, fraction, step))

    @torch.no_grad()
    def after_update(self, member: int, updates: Sequence[TopologyUpdate]) -> None:
        """Take in what an update changed, one entry for each layer that is rewired, and what it read."""
        recipe = self._members[member].recipe
        if recipe is None:
            return
        # under a schedule whose weights only go, or only come, growth has nothing to do where they go
        grows = recipe.schedule.replaces or any(bool(update.grown.any()) for update in updates)
        self._settle(member, grows=grows)
        if grows and recipe.growth.requires_grad and not recipe.growth.requires_momentum:
            self._inactive_gradients[member] += self._inactive(member) * self._examples_of_step
        if recipe.criterion.requires_input_norms or recipe.growth.requires_input_norms:
            self._more_forward[member] += self._active[member] * self._examples_of_step
        if recipe.criterion.requires_hessian_gradient:
            self._hessian_examples[member] += self._examples_of_step
        numbers = {name: number for number, name in enumerate(self._ever)}
        for name, update in zip(self._rewired[member], updates, strict=True):
            # with numpy, because torch waits for a thread of its own where all processors are at work
            mask, ever = update.mask.cpu().numpy(), self._ever[name][member].numpy()
            np.logical_or(ever, mask, out=ever)
            self._active[member, numbers[name]] = int(np.count_nonzero(mask))
            if recipe.topology.ablation and (ablated := ablated_units(update.mask)):
                self._ablated[member][name] = ablated

    def epoch_ended(self) -> None:
        """Note the density of every layer."""
        self._by_epoch.append(self._active.clone())

    def densities(self, member: int) -> dict[str, float]:
        """Fraction of active weights of each layer of one member now."""
        return dict(zip(self._ever, (self._active[member].double() / self._weights.double()).tolist(), strict=True))

    def of_member(self, member: int) -> Measured:
        """What was measured of one member until the end of its training."""
        recipe = self._members[member].recipe
        # once the topology rests nothing grows any more, so nothing reads the momentum
        self._settle(
            member, grows=recipe is not None and recipe.schedule.replaces and recipe.topology.update_until == 1
        )
        names, sizes = list(self._ever), self._weights.tolist()
        sums = zip(
            (self._flops_per_weight[name] for name in names),
            sizes,
            self._active[member].tolist(),
            self._active_examples[member].tolist(),
            self._inactive_gradients[member].tolist(),
            self._more_forward[member].tolist(),
            strict=True,
        )
        flops = count_flops([LayerWork(*each) for each in sums], self._examples, self._hessian_examples[member])
        if self._dense_flops is not None:
            flops = beside(flops, self._dense_flops, self._examples)
        ever = _counts(self._ever, member) / self._weights.double()
        by_epoch = torch.stack([active[member] for active in self._by_epoch]) / self._weights.double()
        histories = dict(zip(names, by_epoch.T.tolist(), strict=True))
        return Measured(
            weights=dict(zip(names, sizes, strict=True)),
            ever_active=dict(zip(names, ever.tolist(), strict=True)),
            density_by_epoch={name: each for name, each in histories.items() if len(set(each)) > 1},
            flops=flops,
            overlaps=self._overlaps[member],
            ablated=dict(self._ablated[member]),
        )

    def state_dict(self) -> dict[str, Any]:
        """All that was measured so far, as tensors (not copied) and plain data."""
        return {
            "ever": self._ever,
            "sums": self._sums(),
            "by_epoch": list(self._by_epoch),
            "examples": self._examples,
            "settled": list(self._settled),
            "hessian_examples": list(self._hessian_examples),
            "overlaps": Overlaps.dump_python(self._overlaps),
            "ablated": [dict(each) for each in self._ablated],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave; raises some error where it is of another fleet."""
        for own, saved in ((self._ever, state["ever"]), (self._sums(), state["sums"])):
            if {name: each.shape for name, each in saved.items()} != {name: each.shape for name, each in own.items()}:
                raise ValueError("what was measured is of another fleet")
            for name, tensor in own.items():
                tensor.copy_(saved[name])
        self._by_epoch = [active.to(self._active) for active in state["by_epoch"]]
        self._examples = state["examples"]
        self._settled = list(state["settled"])
        self._hessian_examples = list(state["hessian_examples"])
        self._overlaps = Overlaps.validate_python(state["overlaps"])
        self._ablated = [dict(each) for each in state["ablated"]]

    def _sums(self) -> dict[str, Tensor]:
        return {
            "active": self._active,
            "active_examples": self._active_examples,
            "inactive_gradients": self._inactive_gradients,
            "gathered": self._gathered,
            "more_forward": self._more_forward,
        }

    def _settle(self, member: int, *, grows: bool) -> None:
        """Count the examples since the member's last update, in which its active weights stayed the same.

        ``grows`` says whether a growth reads the momentum that was gathered in them, and in those before, if none has.
        """
        passed = self._examples - self._settled[member]
        self._active_examples[member] += self._active[member] * passed
        self._settled[member] = self._examples
        recipe = self._members[member].recipe
        if recipe is not None and recipe.growth.requires_momentum:
            self._gathered[member] += self._inactive(member) * passed
            if grows:
                self._inactive_gradients[member] += self._gathered[member]
                self._gathered[member] = 0

    def _inactive(self, member: int) -> Tensor:
        """The number of inactive weights of each layer, where it is rewired; int64 [layers]."""
        rewired = torch.tensor([name in self._rewired[member] for name in self._ever])
        return (self._weights - self._active[member]) * rewired


def _counts(masks: Mapping[str, Tensor], member: int) -> Tensor:
    """Weights of each layer of one member that are True in ``masks``, int64 [layers] on the CPU."""
    return torch.stack([mask[member].sum().cpu() for mask in masks.values()])
