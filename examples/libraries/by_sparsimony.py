"""The adapters of sparsimony 0.1.0: ``sparsifier.step()`` after ``optimizer.step()``."""

from typing import Any

import torch
from sparsimony.distributions.base import UniformDistribution
from sparsimony.dst.rigl import RigL
from sparsimony.dst.set import SET
from sparsimony.schedulers.base import ConstantScheduler
from sparsimony.utils import get_mask
from torch import Tensor, nn

PERIOD, SPARSITY, FRACTION = 5, 0.5, 0.3
FAR = 10**9


class Sparsimony:
    """The handle of one of its sparsifiers, which parametrize the weights."""

    def __init__(self, kind: type, model: nn.Module, optimizer: torch.optim.Optimizer, period: int = PERIOD) -> None:
        self.optimizer = optimizer
        self.sparsifier = kind(
            ConstantScheduler(FRACTION, FAR, period),
            UniformDistribution(),
            optimizer,
            sparsity=SPARSITY,
            init_method=None,
        )
        layers = [name for name, module in model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
        self.sparsifier.prepare(model, [{"tensor_fqn": f"{name}.weight"} for name in layers])
        self.layers = {f"{name}.parametrizations.weight.original": model.get_submodule(name) for name in layers}

    def step(self) -> None:
        """The optimizer's step, and then the sparsifier's."""
        self.optimizer.step()
        self.sparsifier.step()

    def masks(self) -> dict[str, Tensor]:
        """The masks of the parametrizations, by the parameters that they belong to."""
        return {name: get_mask(layer, "weight") for name, layer in self.layers.items()}

    def weights(self) -> dict[str, Tensor]:
        """What the layers compute with: the parameters times the masks."""
        return {name: layer.weight for name, layer in self.layers.items()}

    def state_dict(self) -> dict[str, Any]:
        """The library's own."""
        return self.sparsifier.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The library's own."""
        self.sparsifier.load_state_dict(state)


def rigl(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> Sparsimony:
    """RigL; the library draws from torch's global generator, which a careful loop seeds."""
    torch.manual_seed(seed)
    return Sparsimony(RigL, model, optimizer)


def set_(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> Sparsimony:
    """SET."""
    torch.manual_seed(seed)
    return Sparsimony(SET, model, optimizer)


def set_every_four(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> Sparsimony:
    """SET with an even period."""
    torch.manual_seed(seed)
    return Sparsimony(SET, model, optimizer, period=4)
