"""SET: prune the weights closest to zero from either side, half from each sign."""

from dataclasses import dataclass

from torch import Tensor

from criteria.api import Criterion, Layer
from criteria.selection import lowest


@dataclass
class SET(Criterion):
    """Half of what goes is the smallest positive weights, half the negative ones closest to zero.

    So the paper has it (Nowak et al., 2023); SET itself takes the same fraction of either sign (Mocanu et al., 2018),
    which is ``set_each_sign``.

    Active weights that are exactly zero go first; an odd one out is taken from the positive side;
    where one sign has too few weights the other gives the rest, so that the number is always exact.
    """

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs()

    def select(self, layer: Layer, n: int) -> Tensor:
        score = self.score(layer)
        zero = layer.mask & (layer.weight == 0)
        positive = layer.mask & (layer.weight > 0)
        negative = layer.mask & (layer.weight < 0)
        n_zero = min(n, int(zero.sum()))
        signed = n - n_zero
        n_positive = min(signed - min(signed // 2, int(negative.sum())), int(positive.sum()))
        shares = ((zero, n_zero), (positive, n_positive), (negative, signed - n_positive))
        pruned, *others = (lowest(score, where, share, layer.generator) for where, share in shares)
        for other in others:
            pruned = pruned | other
        return pruned
