"""The n-th largest of several estimates, with honest limits: the statistics of "most", "almost every" and "any"."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.statistics.paired import Estimated

LEVEL = (1 - CONFIDENCE) / 2
"""How often the true value may be beyond one end of an interval."""


@dataclass(frozen=True)
class Interval:
    """An estimate and the limits between which the true value may be."""

    value: float
    low: float
    high: float


def nth_largest(estimates: Sequence[Estimated], n: int) -> Interval:
    """The n-th largest of the true values, n from 1: at least n of them are as large.

    "At least n are above b" is what partial conjunctions test (Benjamini & Heller, 2008, with the test of Simes, 1986);
    the interval holds every b that they do not rule out. These tests allow for the number of estimates. The interval
    errs no more often than it says if the estimates are positively dependent, as comparisons over the same seeds are.
    """
    value = sorted((estimate.value for estimate in estimates), reverse=True)[n - 1]
    low = _lower_limit([estimate.lower for estimate in estimates], n)
    # The n-th largest is the n-th smallest from the other end.
    high = -_lower_limit([_negative(estimate.upper) for estimate in estimates], len(estimates) - n + 1)
    return Interval(value, low, high)


def _lower_limit(limits: Sequence[Callable[[float], float]], n: int) -> float:
    """A limit that the n-th largest is below no more often than ``LEVEL``, from the lower limits of each at any level.

    All but n - 1 of them would have to fail if fewer than n were above b. Simes' test of these ``rest`` passes if,
    for some i, the i-th smallest of their p-values is at most i / rest of the level.
    """
    rest = len(limits) - n + 1
    return max(
        sorted((limit(LEVEL * i / rest) for limit in limits), reverse=True)[n + i - 2] for i in range(1, rest + 1)
    )


def at_least(estimates: Sequence[Estimated]) -> int:
    """How many of the true values are shown to be above zero; wrong no more often than ``LEVEL``.

    The lower limits of "at least n are above" fall with n, because (N - n) / i ≥ (N - n + 1) / (i + 1) in Simes' test.
    So the largest n that is shown costs no more than any one, and is found by halving.
    """
    limits = [estimate.lower for estimate in estimates]
    return bisect_left(range(1, len(limits) + 1), x=True, key=lambda n: _lower_limit(limits, n) <= 0)


@dataclass(frozen=True)
class Negative:
    """The negative of a true value."""

    of: Estimated

    @property
    def value(self) -> float:
        return -self.of.value

    def lower(self, level: float) -> float:
        return -self.of.upper(level)

    def upper(self, level: float) -> float:
        return -self.of.lower(level)


@dataclass(frozen=True)
class Greatest:
    """The largest of several true values (at least one)."""

    of: Sequence[Estimated]

    @property
    def value(self) -> float:
        return max(estimate.value for estimate in self.of)

    def lower(self, level: float) -> float:
        # Above b if any is: one of several, each of which may err (Bonferroni).
        return max(estimate.lower(level / len(self.of)) for estimate in self.of)

    def upper(self, level: float) -> float:
        # Below b only if all are: each may err at the whole level (Berger, 1982).
        return max(estimate.upper(level) for estimate in self.of)


def _negative(limit: Callable[[float], float]) -> Callable[[float], float]:
    return lambda level: -limit(level)


@dataclass(frozen=True)
class Least:
    """The smallest of several true values (at least one)."""

    estimates: Sequence[Estimated]

    @property
    def value(self) -> float:
        return min(estimate.value for estimate in self.estimates)

    def lower(self, level: float) -> float:
        # The least is above b only if all are, so each may err at the whole level (Berger, 1982).
        return min(estimate.lower(level) for estimate in self.estimates)

    def upper(self, level: float) -> float:
        # The least is below b if any is: it is one of several, each of which may err (Bonferroni).
        return min(estimate.upper(level / len(self.estimates)) for estimate in self.estimates)
