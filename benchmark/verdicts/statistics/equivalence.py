"""The size of a difference, whatever its sign, which shows whether it is too small to matter."""

from dataclasses import dataclass

from benchmark.verdicts.statistics.paired import Mean


@dataclass(frozen=True)
class Absolute:
    """The absolute value of a difference.

    Its upper limit at a level is the smallest margin for which two one-sided tests at that level show equivalence
    (Schuirmann, 1987): that a difference is not shown does not show that it is small.
    """

    difference: Mean

    @property
    def value(self) -> float:
        return abs(self.difference.value)

    def lower(self, level: float) -> float:
        # Half the level for either sign.
        return max(0.0, self.difference.lower(level / 2), -self.difference.upper(level / 2))

    def upper(self, level: float) -> float:
        return max(self.difference.upper(level), -self.difference.lower(level))
