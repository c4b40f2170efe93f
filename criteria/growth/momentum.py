"""Momentum growth: where the loss has been falling fastest over the last steps."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from criteria.api import Growth, Layer


@dataclass
class MomentumGrowth(Growth):
    """The largest momentum in absolute value among the candidates (Dettmers & Zettlemoyer, 2019).

    Before the first optimizer step there is none, and every candidate is equally likely.
    """

    requires_momentum: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return torch.zeros_like(layer.weight) if layer.momentum is None else layer.momentum.abs()
