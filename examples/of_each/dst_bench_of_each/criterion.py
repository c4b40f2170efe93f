"""A criterion that reads what a layer takes in."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from criteria import Criterion, Layer, input_norm


@dataclass
class InputEnergy(Criterion):
    """Score |θ|·‖x‖^power: Wanda where ``power`` is 1, magnitude where it is 0."""

    power: float = 0.5
    requires_input_norms: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() * input_norm(layer) ** self.power
