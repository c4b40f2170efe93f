"""Reciprocal sensitivity: how large the weight is beside its gradient."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from criteria.api import Criterion, Layer, gradient
from criteria.pruning.sensitivity import ratio


@dataclass
class ReciprocalSensitivity(Criterion):
    """Score |θ| / (|g| + ε) (paper, table 1; ε as in its released code)."""

    epsilon: float = 1e-8
    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return ratio(layer.weight, gradient(layer), self.epsilon)
