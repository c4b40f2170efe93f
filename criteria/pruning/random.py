"""Random pruning: the floor that every other criterion should be above."""

from dataclasses import dataclass

from torch import Tensor

from criteria.api import Criterion, Layer


@dataclass
class Random(Criterion):
    """A score drawn uniformly at random: every active weight is equally likely to be pruned."""

    def score(self, layer: Layer) -> Tensor:
        return layer.uniform()
