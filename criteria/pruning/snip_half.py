"""Half SNIP: prune half from the lowest and half from the highest end of the SNIP score."""

from dataclasses import dataclass

from torch import Tensor

from criteria.api import Layer
from criteria.pruning.snip import SNIP
from criteria.selection import lowest


@dataclass
class SNIPHalf(SNIP):
    """Half of the pruned weights have the lowest |θ·g|, half the highest (released code of the paper).

    An odd one out is taken from the lowest.
    """

    def select(self, layer: Layer, n: int) -> Tensor:
        score = self.score(layer)
        low = lowest(score, layer.mask, n - n // 2, layer.generator)
        return low | lowest(-score, layer.mask & ~low, n // 2, layer.generator)
