"""Means of a few values and of paired differences, and the limits of their true values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Protocol

from scipy import special


class Estimated(Protocol):
    """A value that is only known by an estimate."""

    @property
    def value(self) -> float:
        """The estimate."""
        ...

    def lower(self, level: float) -> float:
        """A limit that the true value is below no more often than ``level``."""
        ...

    def upper(self, level: float) -> float:
        """A limit that the true value is above no more often than ``level``."""
        ...


@dataclass(frozen=True)
class Mean:
    """A mean with its standard error and degrees of freedom; its limits are Student's (1908).

    A single value has no degree of freedom, and no limits.
    """

    value: float
    error: float
    dof: int

    def lower(self, level: float) -> float:
        return self.value - self._margin(level)

    def upper(self, level: float) -> float:
        return self.value + self._margin(level)

    @property
    def p(self) -> float:
        """Two-sided p-value of no difference (Student, 1908); 1 if there is only one value."""
        if not self.dof:
            return 1.0
        if not self.error:
            return float(self.value == 0)
        return float(2 * special.stdtr(self.dof, -abs(self.value) / self.error))

    def _margin(self, level: float) -> float:
        return _quantile(self.dof, 1 - level) * self.error if self.dof else math.inf


@cache
def _quantile(dof: int, probability: float) -> float:
    return float(special.stdtrit(dof, probability))


def mean_of(values: Sequence[float], least_variance: float = 0.0) -> Mean:
    """The mean of at least one independent value, whose true variance is known to be at least ``least_variance``."""
    n, mean = len(values), fmean(values)
    if n == 1:
        return Mean(mean, math.inf, 0)
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return Mean(mean, math.sqrt(max(variance, least_variance) / n), n - 1)


def paired(first: Mapping[int, float], second: Mapping[int, float], grain: float) -> Mean | None:
    """Mean of first minus second over the seeds that both have; None if they share no seed.

    Runs with one seed share initial weights and batch order, so the luck of a seed cancels if both have it. Values are
    multiples of ``grain``: a test set of 450 images gives steps of 0.22 percent, and three seeds then differ by the
    same amount so often that a spread of zero would show an effect that is not there. Rounding alone gives a difference
    the variance grain² / 6.
    """
    return paired_over([(first, second)], grain)


def paired_over(blocks: Sequence[tuple[Mapping[int, float], Mapping[int, float]]], grain: float) -> Mean | None:
    """Mean over blocks of first minus second, over the seeds that all of them have; None if there is no such seed.

    A seed's differences in several blocks may rise and fall together, since it has the same initial weights or batch
    order in all of them. So they are averaged first, and only the seeds' averages count as independent.
    """
    if not blocks:
        return None
    common = sorted(set.intersection(*(first.keys() & second.keys() for first, second in blocks)))
    averages = [fmean(first[seed] - second[seed] for first, second in blocks) for seed in common]
    return mean_of(averages, grain**2 / (6 * len(blocks))) if averages else None
