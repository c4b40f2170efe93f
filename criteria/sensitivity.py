"""Sensitivity: how large the gradient is beside the weight."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from criteria.api import Criterion, Layer, gradient


@dataclass
class Sensitivity(Criterion):
    """Score |g| / (|θ| + ε) (paper, Figure 8; ε as in its released code)."""

    epsilon: float = 1e-8
    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return gradient(layer).abs() / (layer.weight.abs() + self.epsilon)
