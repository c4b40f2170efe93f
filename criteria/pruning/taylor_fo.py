"""Taylor-FO: the squared first-order change of the loss when a weight is removed."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from criteria.api import Criterion, Layer, gradient


@dataclass
class TaylorFO(Criterion):
    """Score (θ·g)² (Molchanov et al., 2019; released code of the paper)."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return (layer.weight * gradient(layer)).square()
