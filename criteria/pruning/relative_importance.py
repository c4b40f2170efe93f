"""Relative importance: how much of what its two units have a weight is."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from criteria.api import Criterion, Layer
from criteria.normalisation import Normalisation

_OF_OUTPUT, _OF_INPUT = Normalisation("input", "sum"), Normalisation("output", "sum")


@dataclass
class RelativeImportance(Criterion):
    """Score |θ|/Σ|θ| of the output unit's weights + |θ|/Σ|θ| of the input unit's (Zhang et al., 2024, RI).

    As in the code of Cannistraci-Hebb training, without its 10⁻⁵ in both denominators. Of a convolution the sums run
    over the kernel too.
    """

    known_answers: ClassVar[Any] = [
        {
            "source": "llm/dst_scheduler.py of biomedical-cybernetics/Cannistraci-Hebb-Training-Soft-Rule-",
            "weight": [[300.0, -100.0, 0.0], [0.0, -100.0, 400.0]],
            "scores": [[1.74999995, 0.74999997, None], [None, 0.69999997, 1.79999996]],
        }
    ]

    def score(self, layer: Layer) -> Tensor:
        size = layer.weight.abs()
        return _OF_OUTPUT(size, layer.mask) + _OF_INPUT(size, layer.mask)
