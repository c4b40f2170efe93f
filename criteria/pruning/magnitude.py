"""Magnitude pruning: small weights matter least."""

from dataclasses import dataclass

from torch import Tensor

from criteria.api import Criterion, Layer


@dataclass
class Magnitude(Criterion):
    """Score |θ| (Han et al., 2015; the default of RigL, Evci et al., 2020)."""

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs()
