"""What a baseline gives: a recipe without topology updates that criteria are compared with."""

from collections.abc import Mapping, Sequence
from typing import Any


class Baseline:
    """A network trained on a fixed mask.

    The engine draws the mask from the same stream as for criteria, so both start from the same network.
    """

    def densities(self, grid: Sequence[float]) -> Sequence[float]:
        """Densities at which this baseline is trained, given those of the experiment's grid."""
        return grid

    def model(self, model: Mapping[str, Any]) -> Mapping[str, Any]:
        """The model that is trained, given that of the experiment: its ``name`` and parameters."""
        return model
