"""GMP, gradual magnitude pruning: a dense network loses weights ever more slowly, and nothing grows."""

from dataclasses import dataclass
from typing import ClassVar

from criteria.schedule import DensitySchedule, cubic


@dataclass(frozen=True)
class GMP(DensitySchedule):
    """From ``initial`` density the cubic way down between two shares of the training (Zhu & Gupta, 2018, equation 1).

    The criterion says what goes, magnitude in the paper; the growth has nothing to do. Layers share the density as the
    topology's distribution says; in the paper all have the same.
    """

    initial: float = 1.0
    begin: float = 0.0
    end: float = 0.75
    replaces: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self.require_shares(self.initial, self.begin, self.end)

    def density(self, final: float, done: float) -> float:
        return cubic(max(self.initial, final), final, (done - self.begin) / (self.end - self.begin))
