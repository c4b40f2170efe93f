"""Soft magnitude: large weights are likely to stay, and none is sure to."""

from dataclasses import dataclass

import torch
from torch import Tensor

from criteria.api import Criterion, Layer

SMALLEST = 1e-12
"""Smaller weights are taken for this, as in the released code."""


@dataclass
class SoftMagnitude(Criterion):
    """What stays is drawn, by chances in proportion to |θ|^``exponent`` (CHTs; Zhang et al., 2025, arXiv 2501.19107).

    The soft removal of Cannistraci-Hebb training, without replacement. The released code draws by
    ``torch.multinomial``; here a score ``exponent``·ln|θ| plus a Gumbel draw is compared, which gives the same
    distribution (Kool et al., 2019). The exponent is 1 in the released code unless told otherwise, and may change
    over its training, which it does not here.
    """

    exponent: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.exponent < float("inf"):
            raise ValueError(f"exponent must be a number from 0, not {self.exponent}")

    def score(self, layer: Layer) -> Tensor:
        draws = layer.uniform().double().clamp(min=torch.finfo(torch.float64).tiny)
        gumbel = -(-draws.log()).log()
        return self.exponent * layer.weight.abs().double().clamp(min=SMALLEST).log() + gumbel
