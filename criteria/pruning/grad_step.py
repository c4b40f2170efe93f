"""Gradient step: how large the weight would be after one step of plain gradient descent."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from criteria.api import Criterion, Layer, gradient


@dataclass
class GradStep(Criterion):
    """Score |θ − γg| (released code of the paper)."""

    gamma: float = 1.0
    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return (layer.weight - self.gamma * gradient(layer)).abs()
