"""A step of a sparse training, and where the optimizer alone would have taken every weight in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from criteria.contract.asking import call
from criteria.contract.implementations.case import OPTIMIZERS, SCALE, scaled_by

Gradients = Mapping[str, Tensor | None]
State = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Snapshot:
    """A network at one moment; everything by the name of the parameter."""

    masks: dict[str, Tensor]
    raw: dict[str, Tensor]
    """The parameters."""
    seen: dict[str, Tensor]
    """The weights that the network computes with."""
    state: State

    def counts(self) -> dict[str, int]:
        """How many weights are active."""
        return {name: int(mask.sum()) for name, mask in self.masks.items()}


@dataclass(frozen=True)
class TakenStep:
    """One optimizer step of a sparse training."""

    optimizer: str
    """By its name in :data:`~criteria.contract.implementations.case.OPTIMIZERS`."""
    before: Snapshot
    after: Snapshot
    gradients: Gradients
    """What the optimizer was given."""

    def grown(self, name: str) -> Tensor:
        """What became active, bool [*shape]."""
        return self.after.masks[name] & ~self.before.masks[name]

    def stayed(self, name: str) -> Tensor:
        """What was active and still is, bool [*shape]; all of a weight that is not sparse."""
        if name not in self.before.masks:
            return torch.ones_like(self.before.raw[name], dtype=torch.bool)
        return self.before.masks[name] & self.after.masks[name]

    def is_state(self, name: str, value: object) -> bool:
        """Whether something in the optimizer's state of a weight has a number for each position."""
        return isinstance(value, Tensor) and value.shape == self.before.raw[name].shape

    def replayed(self, *, zero: bool = False, reset: bool = False) -> tuple[dict[str, Tensor], State]:
        """Weights and state where the optimizer takes them from ``before``.

        With ``zero`` grown weights start the step at zero, with ``reset`` they have no state: so it is where the update
        came first.
        """
        weights = {name: nn.Parameter(self._start(name, weight, zero)) for name, weight in self.before.raw.items()}
        optimizer = OPTIMIZERS[self.optimizer](weights.values())
        fused = self.optimizer == "fused"
        for name, weight in weights.items():
            gradient = self.gradients[name]
            weight.grad = None if gradient is None else gradient * (SCALE if fused else 1)
            if self.before.state[name]:
                optimizer.state[weight] = {
                    key: self._start(name, value, reset and self.is_state(name, value))
                    for key, value in self.before.state[name].items()
                }
        if fused:
            scaled_by(optimizer, overflows=False)
        call(optimizer.step, what="the optimizer's own step")
        state = {name: dict(optimizer.state.get(weight, {})) for name, weight in weights.items()}
        return {name: weight.detach() for name, weight in weights.items()}, state

    def _start(self, name: str, value: Any, zero: bool) -> Any:
        if not isinstance(value, Tensor):
            return value
        return torch.where(self.grown(name), 0, value) if zero and name in self.before.masks else value.clone()
