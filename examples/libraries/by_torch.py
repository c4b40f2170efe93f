"""The adapters of what torch has itself: pruning once, and training on with the mask."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.ao.pruning import WeightNormSparsifier
from torch.nn.utils import prune

SPARSITY = 0.5


def layers_of(model: nn.Module) -> dict[str, nn.Module]:
    """The layers that are pruned, by name."""
    return {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)}


class Pruned:
    """``torch.nn.utils.prune``: half of each layer's weights, by magnitude, once."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer, self.layers = optimizer, layers_of(model)
        for layer in self.layers.values():
            prune.l1_unstructured(layer, "weight", SPARSITY)

    def step(self) -> None:
        """The optimizer's step; the mask is applied in the next forward pass."""
        self.optimizer.step()

    def masks(self) -> dict[str, Tensor]:
        """The buffers ``weight_mask``."""
        return {f"{name}.weight_orig": layer.weight_mask.bool() for name, layer in self.layers.items()}

    def weights(self) -> dict[str, Tensor]:
        """What the next forward pass computes with; ``layer.weight`` is that of the last one."""
        return {f"{name}.weight_orig": layer.weight_orig * layer.weight_mask for name, layer in self.layers.items()}

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the masks are buffers of the model."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing."""


class Sparsified:
    """``torch.ao.pruning.WeightNormSparsifier``: half of each layer's weights, by magnitude, at every step."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer, self.layers = optimizer, layers_of(model)
        self.sparsifier = WeightNormSparsifier(sparsity_level=SPARSITY, sparse_block_shape=(1, 1), zeros_per_block=1)
        self.sparsifier.prepare(model, [{"tensor_fqn": f"{name}.weight"} for name in self.layers])
        self.sparsifier.step()

    def step(self) -> None:
        """The optimizer's step, and then the sparsifier's."""
        self.optimizer.step()
        self.sparsifier.step()

    def masks(self) -> dict[str, Tensor]:
        """The masks of the parametrizations."""
        return {
            f"{n}.parametrizations.weight.original": m.parametrizations.weight[0].mask for n, m in self.layers.items()
        }

    def weights(self) -> dict[str, Tensor]:
        """What the layers compute with."""
        return {f"{name}.parametrizations.weight.original": layer.weight for name, layer in self.layers.items()}

    def state_dict(self) -> dict[str, Any]:
        """The sparsifier's own."""
        return self.sparsifier.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The sparsifier's own."""
        self.sparsifier.load_state_dict(state)


def pruned(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> Pruned:  # noqa: ARG001 - it draws nothing
    """Pruning by ``torch.nn.utils.prune``."""
    return Pruned(model, optimizer)


def sparsified(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> Sparsified:  # noqa: ARG001
    """Pruning by ``torch.ao.pruning``."""
    return Sparsified(model, optimizer)
