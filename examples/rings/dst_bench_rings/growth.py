"""Balanced growth: where a unit has few weights."""

from dataclasses import dataclass

from torch import Tensor

from criteria import Growth, Layer


@dataclass
class Balanced(Growth):
    """Units with the fewest incoming weights grow first, at positions drawn at random, so that all get as many."""

    def score(self, layer: Layer) -> Tensor:
        active = layer.mask.reshape(len(layer.mask), -1)
        draws = layer.uniform().reshape_as(active).masked_fill(active, 2)
        # of a unit's free positions, in a random order, the first counts as one weight more, the second as two, …
        weights = active.sum(1, keepdim=True) + draws.argsort(1).argsort(1)
        return -weights.reshape_as(layer.weight).to(layer.weight.dtype)
