"""Measuring a fleet while it trains, without changing what it does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from benchmark.training import updates
from benchmark.training.fleet import Fleet, copy_tensors
from benchmark.training.measurements.flops import Flops, LayerWork, count_flops, flops_per_weight
from benchmark.training.measurements.jaccard import Overlap, overlap


@dataclass
class Measured:
    """What was measured of one member's training."""

    weights: dict[str, int]
    """Number of weights of each sparse layer."""
    ever_active: dict[str, float]
    """Fraction of each layer's weights that have been active at some time (Liu et al., 2021)."""
    density_by_epoch: dict[str, list[float]]
    """Density of each layer at the start and after each epoch; layers in which it never changed are left out."""
    flops: Flops
    overlaps: list[Overlap] = field(default_factory=list)
    """What criteria would have pruned, where the experiment compares them."""

    @property
    def ever_active_of_all(self) -> float:
        """Fraction of all sparse layers' weights that have been active at some time."""
        return sum(self.ever_active[name] * n for name, n in self.weights.items()) / sum(self.weights.values())


Overlaps = TypeAdapter(list[list[Overlap]])
"""Those of each member as plain data and back."""


class Measuring:
    """Counts what a fleet does, on its device and without waiting for it.

    Call :meth:`trained` after each step's gradients, the updates' methods around each topology update and
    :meth:`epoch_ended` after each epoch; :meth:`of` says what came out. Layers are in the fleet's order.
    """

    def __init__(self, fleet: Fleet, inputs: tuple[int, ...]) -> None:
        self._fleet = fleet
        self._flops_per_weight = flops_per_weight(fleet.network, inputs, fleet.sparse_names)
        self._weights = torch.tensor([fleet.masks[name][0].numel() for name in fleet.sparse_names], device=fleet.device)
        self._ever = {name: mask.clone() for name, mask in fleet.masks.items()}
        self._active = torch.stack([self._count(fleet.masks, member) for member in range(len(fleet))])
        """[members, layers], as are the sums below."""
        self._active_examples = torch.zeros_like(self._active)
        self._inactive_gradients = torch.zeros_like(self._active)
        self._by_epoch = [self._active.clone()]
        self._examples = 0
        self._examples_of_step = 0
        self._settled = [0] * len(fleet)
        """Examples up to each member's last update, which ``_active_examples`` has already."""
        self._hessian_examples = [0] * len(fleet)
        self._overlaps: list[list[Overlap]] = [[] for _ in fleet.members]

    def trained(self, examples: int) -> None:
        """Every member has seen this many more examples."""
        self._examples += examples
        self._examples_of_step = examples

    @torch.no_grad()
    def before_update(self, member: int, step: updates.Step) -> None:
        """Compare what criteria would prune, where the member wants that."""
        comparison, recipe = self._fleet.members[member].comparison, self._fleet.members[member].recipe
        if comparison is None or recipe is None or not comparison.due(step.number, recipe.topology.update_period):
            return
        fractions = comparison.fractions or (recipe.topology.prune_fraction.at(step.number, step.total),)
        hessian = any(criterion.requires_hessian_gradient for criterion in comparison.criteria)
        layers = updates.layers(self._fleet, member, step, hessian_gradient=hessian)
        with updates.plugin_errors(f"comparing {', '.join(map(repr, comparison.criteria))}", step.number):
            for fraction in fractions:
                self._overlaps[member].append(overlap(layers, comparison.criteria, fraction, step.number))

    @torch.no_grad()
    def after_update(self, member: int) -> None:
        """Take in the member's new masks, and what the update read."""
        recipe = self._fleet.members[member].recipe
        if recipe is None:
            return
        self._settle(member)
        if recipe.growth.requires_grad:
            self._inactive_gradients[member] += (self._weights - self._active[member]) * self._examples_of_step
        if recipe.criterion.requires_hessian_gradient:
            self._hessian_examples[member] += self._examples_of_step
        for name, mask in self._fleet.masks.items():
            self._ever[name][member] |= mask[member]
        self._active[member] = self._count(self._fleet.masks, member)

    def epoch_ended(self) -> None:
        """Note the density of every layer."""
        self._by_epoch.append(self._active.clone())

    def of(self, member: int) -> Measured:
        """What was measured of one member until now."""
        self._settle(member)
        names, sizes = self._fleet.sparse_names, self._weights.tolist()
        recipe = self._fleet.members[member].recipe
        if recipe is not None and recipe.growth.requires_momentum:
            inactive = self._weights * self._examples - self._active_examples[member]
        else:
            inactive = self._inactive_gradients[member]
        sums = zip(
            self._flops_per_weight.values(),
            sizes,
            self._active[member].tolist(),
            self._active_examples[member].tolist(),
            inactive.tolist(),
            strict=True,
        )
        flops = count_flops([LayerWork(*each) for each in sums], self._examples, self._hessian_examples[member])
        ever = self._count(self._ever, member) / self._weights.double()
        by_epoch = torch.stack([active[member] for active in self._by_epoch]) / self._weights.double()
        histories = dict(zip(names, by_epoch.T.tolist(), strict=True))
        return Measured(
            weights=dict(zip(names, sizes, strict=True)),
            ever_active=dict(zip(names, ever.tolist(), strict=True)),
            density_by_epoch={name: each for name, each in histories.items() if len(set(each)) > 1},
            flops=flops,
            overlaps=self._overlaps[member],
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
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave; raises some error where it is of another fleet."""
        copy_tensors(state["ever"], self._ever)
        copy_tensors(state["sums"], self._sums())
        self._by_epoch = [active.to(self._active) for active in state["by_epoch"]]
        self._examples = state["examples"]
        self._settled = list(state["settled"])
        self._hessian_examples = list(state["hessian_examples"])
        self._overlaps = Overlaps.validate_python(state["overlaps"])

    def _sums(self) -> dict[str, Tensor]:
        return {
            "active": self._active,
            "active_examples": self._active_examples,
            "inactive_gradients": self._inactive_gradients,
        }

    def _settle(self, member: int) -> None:
        self._active_examples[member] += self._active[member] * (self._examples - self._settled[member])
        self._settled[member] = self._examples

    def _count(self, masks: dict[str, Tensor], member: int) -> Tensor:
        """Weights of each layer of one member that are True in ``masks``, int64 [layers]."""
        return torch.stack([masks[name][member].sum() for name in self._fleet.sparse_names])
