"""Dense training with dropout: the common way to keep a dense network from overfitting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from baselines.api import Baseline


@dataclass
class Dropout(Baseline):
    """Every weight is active, and the inputs of every linear layer are dropped with probability ``p`` (Figure 5).

    The experiment's model has to take ``dropout``, as `mlp` does.
    """

    p: float = 0.05

    def densities(self, grid: Sequence[float]) -> Sequence[float]:  # noqa: ARG002
        return (1.0,)

    def model(self, model: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**model, "dropout": self.p}
