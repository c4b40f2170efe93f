"""Random growth (SET): every inactive position is equally likely."""

from dataclasses import dataclass

from torch import Tensor

from criteria.api import Growth, Layer


@dataclass
class RandomGrowth(Growth):
    """Uniform over the candidates (Mocanu et al., 2018)."""

    def score(self, layer: Layer) -> Tensor:
        return layer.uniform()
