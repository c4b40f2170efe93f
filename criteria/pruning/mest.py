"""MEST: magnitude, corrected by how fast the weight is about to move."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from criteria.api import Criterion, Layer, gradient


@dataclass
class MEST(Criterion):
    """Score |θ| + λ|g| (Yuan et al., 2021); the paper's Figure 7 sweeps λ."""

    lambda_: float = 1.0
    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() + self.lambda_ * gradient(layer).abs()
