"""SET as its released code prunes: the same fraction of the positive and of the negative weights."""

from dataclasses import dataclass

from torch import Tensor

from criteria.api import Criterion, Layer
from criteria.selection import lowest


@dataclass
class SETEachSign(Criterion):
    """The same fraction of the positive and of the negative weights, closest to zero first (code of the SET group).

    So does ``weights_evolution_II`` in Truly-Sparse-Training (its paper is Mocanu et al., 2018), where
    ``set`` takes as many of either sign. Active weights that are exactly zero go first; numbers are rounded so that
    their sum is exact, which that code leaves to ties.
    """

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs()

    # SET's selection is not shared, because its code must stay as it is: results that are kept were trained with it
    def select(self, layer: Layer, n: int) -> Tensor:
        score = self.score(layer)
        zero = layer.mask & (layer.weight == 0)
        positive = layer.mask & (layer.weight > 0)
        negative = layer.mask & (layer.weight < 0)
        n_zero = min(n, int(zero.sum()))
        signed, there = n - n_zero, int(positive.sum()) + int(negative.sum())
        n_positive = round(signed * int(positive.sum()) / there) if there else 0
        shares = ((zero, n_zero), (positive, n_positive), (negative, signed - n_positive))
        pruned, *others = (lowest(score, where, share, layer.generator) for where, share in shares)
        for other in others:
            pruned = pruned | other
        return pruned
