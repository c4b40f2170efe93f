"""The adapter of rigl-torch 0.5.2, driven as its README does: ``if pruner(): optimizer.step()``."""

from typing import Any

import torch
from rigl_torch.RigL import RigLScheduler
from torch import Tensor, nn

PERIOD, DENSITY, FRACTION = 4, 0.5, 0.3
FAR = 10**9
"""An end of the updates that is so far away that the cosine stays at its start."""


class RiglTorch:
    """The handle of a RigLScheduler; the first layer stays dense, as the library has it."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self.pruner = RigLScheduler(
            model,
            optimizer,
            dense_allocation=DENSITY,
            T_end=FAR,
            delta=PERIOD,
            alpha=FRACTION,
            ignore_linear_layers=False,
        )
        names = {id(parameter): name for name, parameter in model.named_parameters()}
        self.names = [names[id(weight)] for weight in self.pruner.W]

    def step(self) -> None:
        """At an update the pruner says that there is to be no optimizer step."""
        if self.pruner():
            self.optimizer.step()

    def masks(self) -> dict[str, Tensor]:
        """The masks of the layers that are sparse."""
        named = zip(self.names, self.pruner.backward_masks, strict=True)
        return {name: mask for name, mask in named if mask is not None}

    def state_dict(self) -> dict[str, Any]:
        """The library's own."""
        return self.pruner.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The library's own."""
        self.pruner.load_state_dict(state)


def rigl(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> RiglTorch:
    """RigL; the library draws from torch's global generator, which a careful loop seeds."""
    torch.manual_seed(seed)
    return RiglTorch(model, optimizer)
