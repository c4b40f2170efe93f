"""Signed SNIP: prune first the weights whose removal would lower the loss most."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from criteria.api import Criterion, Layer, gradient


@dataclass
class SNIPSigned(Criterion):
    """Score −θ·g, the first-order change of the loss when the weight is removed (released code of the paper)."""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return -layer.weight * gradient(layer)
