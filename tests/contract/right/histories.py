"""Criteria that remember steps or masks of a training."""

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from criteria import Criterion, Layer, gradient
from tests.contract.right.averages import LARGEST, Averaging, magnitude


class MedianOfThree(Criterion):
    """The median magnitude of the last three steps; all three are saved, as a list of tensors."""

    def __init__(self) -> None:
        self.last: dict[str, deque[Tensor]] = {}

    def observe(self, layer: Layer) -> None:
        self.last.setdefault(layer.name, deque(maxlen=3)).append(magnitude(layer))

    def score(self, layer: Layer) -> Tensor:
        last = self.last.get(layer.name)
        if not last:
            return layer.weight.double().abs()
        return torch.stack([each.to(layer.weight.device) for each in last]).median(0).values

    def state_dict(self) -> dict[str, Any]:
        return {name: list(last) for name, last in self.last.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.last = {name: deque(last, maxlen=3) for name, last in state.items()}


@dataclass
class _Age:
    mask: Tensor
    steps: Tensor


class ProtectsTheYoung(Criterion):
    """Weights that were active for fewer than two observed steps score +∞; ages are a dataclass, saved as a dict.

    The mask is remembered as a copy: what the training does to its own afterwards changes nothing here.
    """

    def __init__(self) -> None:
        self.ages: dict[str, _Age] = {}

    def observe(self, layer: Layer) -> None:
        known = self.ages.get(layer.name)
        steps = torch.zeros_like(layer.mask, dtype=torch.int64) if known is None else known.steps.to(layer.mask.device)
        grown = layer.mask if known is None else layer.mask & ~known.mask.to(layer.mask.device)
        steps = torch.where(grown, 0, steps + 1) * layer.mask
        self.ages[layer.name] = _Age(layer.mask.clone(), steps)

    def score(self, layer: Layer) -> Tensor:
        size, known = layer.weight.double().abs(), self.ages.get(layer.name)
        return size if known is None else torch.where(known.steps.to(size.device) < 2, torch.inf, size)

    def state_dict(self) -> dict[str, Any]:
        return {name: asdict(age) for name, age in self.ages.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.ages = {name: _Age(**fields) for name, fields in state.items()}


class RestartsWhereRegrown(Averaging):
    """A running magnitude that starts anew at each position that became active since the step before."""

    def __init__(self) -> None:
        super().__init__()
        self.masks: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        size = magnitude(layer)
        if layer.name in self.averages:
            kept = self.masks[layer.name].to(layer.mask.device) & layer.mask
            size = torch.where(kept, torch.lerp(size, self.averages[layer.name].to(size), 0.9), size)
        self.averages[layer.name], self.masks[layer.name] = size, layer.mask.clone()

    def state_dict(self) -> dict[str, Any]:
        return {"averages": dict(self.averages), "masks": dict(self.masks)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages, self.masks = dict(state["averages"]), dict(state["masks"])


class Movement(Averaging):
    """The sum of −θ·g over the steps seen (movement pruning; Sanh et al., 2020); inactive weights move by zero."""

    requires_grad: ClassVar[bool] = True

    def observe(self, layer: Layer) -> None:
        moved = -magnitude(layer) * layer.weight.sign().double()
        moved = moved * torch.where(layer.mask, gradient(layer).double(), 0).clamp(-LARGEST, LARGEST)
        self.averages[layer.name] = self.averages.get(layer.name, torch.zeros_like(moved)).to(moved) + moved

    def score(self, layer: Layer) -> Tensor:
        moved = self.averages.get(layer.name)
        return torch.zeros_like(layer.weight, dtype=torch.float64) if moved is None else moved.to(layer.weight.device)


class CompactState(Averaging):
    """Saves values of active positions only, with their mask: elsewhere its averages are zero by definition."""

    def __init__(self) -> None:
        super().__init__()
        self.masks: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        super().observe(layer)
        self.averages[layer.name] = self.averages[layer.name] * layer.mask
        self.masks[layer.name] = layer.mask.clone()

    def state_dict(self) -> dict[str, Any]:
        return {name: (mask, self.averages[name][mask]) for name, mask in self.masks.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages, self.masks = {}, {}
        for name, (mask, values) in state.items():
            self.masks[name] = mask
            self.averages[name] = torch.zeros(mask.shape, dtype=values.dtype).masked_scatter(mask, values)


@dataclass(frozen=True, slots=True)
class FrozenWithSlots(Criterion):
    """Takes no attributes: what it remembers is in a dictionary that it has from the start, and writes into.

    Loading puts what is loaded over what is there, layer by layer: a layer that was never seen has nothing to be kept.
    """

    share: float = 0.9
    averages: dict[str, Tensor] = field(default_factory=dict, repr=False, compare=False)

    def observe(self, layer: Layer) -> None:
        size, before = magnitude(layer), self.averages.get(layer.name)
        self.averages[layer.name] = size if before is None else torch.lerp(size, before, self.share)

    def score(self, layer: Layer) -> Tensor:
        average = self.averages.get(layer.name)
        return magnitude(layer) if average is None else average.to(layer.weight.device)

    def state_dict(self) -> dict[str, Any]:
        return dict(self.averages)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages.update(state)


RIGHT = (MedianOfThree, ProtectsTheYoung, RestartsWhereRegrown, Movement, CompactState, FrozenWithSlots)
