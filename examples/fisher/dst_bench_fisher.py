"""Fisher pruning: what the loss gains by curvature when a weight is removed, where its slope has averaged out."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from criteria import Criterion, Layer, gradient


@dataclass
class Fisher(Criterion):
    """Score |θ|·√F, the order of Optimal Brain Damage's ½θ²h (LeCun et al., 1990) with the Fisher F as curvature h.

    F is the exponential moving average of g² (Theis et al., 2018), F ← β · F + (1 − β) · g², over the optimizer steps
    at which the weight was active; it starts with the first g². A weight of which nothing was observed has F = g².
    """

    beta: float = 0.9
    requires_grad: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 <= self.beta <= 1:
            raise ValueError(f"beta must be between 0 and 1, not {self.beta}")
        self._observed: dict[str, dict[str, Tensor]] = {}  # by layer name; its tensors are replaced, never changed

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() * self._fisher(layer, default=_squared(gradient(layer))).sqrt()

    def observe(self, layer: Layer) -> None:
        squared = _squared(gradient(layer))
        average = torch.lerp(squared, self._fisher(layer, default=squared), self.beta)
        self._observed[layer.name] = {"mask": layer.mask.clone(), "fisher": average}

    def state_dict(self) -> dict[str, Any]:
        return {name: dict(tensors) for name, tensors in self._observed.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._observed = {name: dict(tensors) for name, tensors in state.items()}

    def _fisher(self, layer: Layer, default: Tensor) -> Tensor:
        """F of the weights that were active at the step observed last, and ``default`` elsewhere, [*shape]."""
        past = self._observed.get(layer.name)
        if past is None:
            return default
        return torch.where(past["mask"].to(default.device), past["fisher"].to(default), default)


def _squared(grad: Tensor) -> Tensor:
    return grad.square().clamp(max=torch.finfo(grad.dtype).max)  # θ = 0 times an infinite F would be NaN
