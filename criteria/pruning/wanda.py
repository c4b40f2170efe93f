"""Wanda (arXiv 2306.11695): magnitude, weighed by how large the input of the weight is."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from criteria.api import Criterion, Layer, input_norm


@dataclass
class Wanda(Criterion):
    """Score |θ|·‖x‖, x being the weight's input over the current batch (Sun et al., 2024, equation 1).

    The paper prunes trained language models, of each output as many weights; here a layer's scores are compared with
    each other, as those of every other criterion.
    """

    requires_input_norms: ClassVar[bool] = True
    known_answers: ClassVar[Any] = [
        {
            "source": "lib/prune.py of github.com/locuslab/wanda: |W|·√(‖x‖²), inputs of norms 5 and 0.5",
            "weight": [[1.0, -4.0], [0.0, 8.0]],
            "input_norm": [[5.0, 0.5], [5.0, 0.5]],
            "scores": [[5.0, 2.0], [None, 4.0]],
        }
    ]

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() * input_norm(layer)
