"""Sensitivity: how large the gradient is beside the weight."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from criteria.api import Criterion, Layer, gradient


@dataclass
class Sensitivity(Criterion):
    """Score |g| / (|θ| + ε) (paper, Figure 8; ε as in its released code)."""

    epsilon: float = 1e-8
    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return ratio(gradient(layer), layer.weight, self.epsilon)


def ratio(over: Tensor, under: Tensor, epsilon: float) -> Tensor:
    """|over| / (|under| + ε), [*shape]; zero over zero is zero, also where the dtype or the user rounds ε to zero."""
    return over.abs() / (under.abs() + epsilon).clamp(min=torch.finfo(under.dtype).tiny)
