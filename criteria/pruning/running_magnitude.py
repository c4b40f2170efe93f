"""Running magnitude: weights that have been small since the last topology update matter least."""

from dataclasses import dataclass
from typing import ClassVar

from criteria.api import Criterion
from criteria.pruning.magnitude import Magnitude
from criteria.pruning.running import Running


@dataclass
class RunningMagnitude(Running):
    """Score: the running average of |θ| (released code of the paper)."""

    of: ClassVar[Criterion] = Magnitude()
