"""What an implementation gives, what it declares, and what is promised of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from criteria.rules import Resurrection, prune_count

PROMISES = {
    "density_preserved": "Every step goes through, and the number of active weights is exact from the first on.",
    "updates_on_time": "Masks change at every update_period-th optimizer step that is taken, and at no other.",
    "no_resurrection": "No weight that an update prunes is active after it.",
    "inactive_stay_zero": "Inactive weights are exactly zero, whatever momentum and weight decay do.",
    "survivors_untouched": "Weights that stay active, and all others, go where the optimizer takes them; so does "
    "their state.",
    "grown_start_as_declared": "A grown weight starts where it was declared to start.",
    "grown_state_as_declared": "A grown weight finds in the optimizer's state what was declared.",
    "replay": "The same seed gives bitwise the same training.",
    "checkpoint_replay": "A training that is saved and loaded at any step goes on bitwise as if nothing had happened.",
    "pure": "Being asked for masks and states changes nothing, and no step changes a setting of the process.",
    "equal_on_ranks": "Processes that train one network have the same masks, also where their seeds differ.",
}
"""What an implementation promises, by property."""


class Handle(Protocol):
    """A sparse training that is under way.

    It may also have ``weights()``: the weights that the network computes with, by the same names as its masks, where
    those are not the parameters themselves.
    """

    def step(self) -> object:
        """Take the optimizer's step, with the topology update that is due in it."""

    def masks(self) -> Mapping[str, Tensor]:
        """The mask of each sparse weight, bool [*shape], by the name of its parameter."""

    def state_dict(self) -> Any:
        """What a checkpoint needs beside the model's and the optimizer's own states."""

    def load_state_dict(self, state: Any) -> object:
        """Go on from what :meth:`state_dict` gave; the model's and the optimizer's states are loaded already."""


Make = Callable[[nn.Module, torch.optim.Optimizer, int], Handle]
"""Makes a model sparse and gives the handle of its training: ``make(model, optimizer, seed)``."""


LONGEST = 12
"""Steps of the trainings of an implementation that never updates."""


@dataclass(frozen=True)
class Declared:
    """What an implementation says of itself, and the trainings that it is for."""

    update_period: int | None = 5
    """Optimizer steps between topology updates, which go on for at least three periods; None: masks never change."""
    resurrection: Resurrection = "forbid"
    grown_value: Literal["zero", "keep", "any"] = "zero"
    """Where a grown weight starts: at zero, at the value that its parameter has kept, or anywhere."""
    grown_state: Literal["keep", "reset", "any"] = "keep"
    """What it finds in the optimizer's state: what gathered there meanwhile, zero, or anything."""
    scope: Literal["local", "global"] = "local"
    """Whether the density of each weight stays, or that of all together."""
    density: float | None = None
    """The fraction of all sparse weights that is active, where it is to be checked."""
    prune_fraction: float | None = None
    """The constant fraction of active weights that an update of each layer prunes, where it is to be checked."""
    rounding: Literal["up", "down"] = "up"
    """How a fraction of the active weights becomes a whole number."""
    networks: tuple[str, ...] = ("perceptron", "convolutional")
    optimizers: tuple[str, ...] = ("momentum", "adamw", "sgd", "adam", "rmsprop")
    situations: tuple[str, ...] = ("accumulation", "skipped", "fused", "ranks")
    """What loops do beside plain steps: accumulate gradients of several batches; skip a step that overflowed, as a
    GradScaler does, by not calling it, or, for a fused optimizer, by setting ``found_inf``; use several processes."""

    @property
    def most_steps(self) -> int:
        """Steps that a training has at most."""
        return LONGEST if self.update_period is None else 3 * self.update_period + 2

    def due(self, taken: int) -> bool:
        """Whether an update is due in the step with this number, from 1; skipped ones do not count."""
        return self.update_period is not None and taken % self.update_period == 0

    def wanted(self, active: int, total: int) -> int:
        """How many of the active weights of a layer an update replaces; at least so many where it was not declared."""
        if self.prune_fraction is None:
            return 1 if 0 < active < total else 0
        fraction = self.prune_fraction
        if self.rounding == "up":
            return prune_count(active, total, fraction)
        return min(int(fraction * active), total - active)
