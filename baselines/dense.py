"""Dense training: no sparsity at all."""

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.api import Baseline


@dataclass
class Dense(Baseline):
    """Every weight is active, whatever the grid's densities are (paper, Figure 1)."""

    def densities(self, grid: Sequence[float]) -> Sequence[float]:  # noqa: ARG002
        return (1.0,)
