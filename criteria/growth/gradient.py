"""Gradient growth (RigL): where the loss would fall fastest."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from criteria.api import Growth, Layer, gradient


@dataclass
class GradientGrowth(Growth):
    """The largest |g| among the candidates (Evci et al., 2020)."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return gradient(layer).abs()
