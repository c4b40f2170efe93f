"""A growth that needs nothing but the mask."""

from dataclasses import dataclass

from torch import Tensor

from criteria import Growth, Layer


@dataclass
class SharedOutputs(Growth):
    """Grows first where the output unit has the fewest active weights, and at random among those."""

    def score(self, layer: Layer) -> Tensor:
        if layer.mask.dim() < 2:
            return layer.uniform()
        active = layer.mask.flatten(1).sum(1).double()
        return (-active).view(-1, *(1,) * (layer.mask.dim() - 1)).expand(layer.mask.shape)
