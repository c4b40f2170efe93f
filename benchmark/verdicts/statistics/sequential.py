"""Comparing two things by paired differences that may be looked at after every seed (anytime-valid inference).

A t-test that is repeated until it is significant is wrong far more often than it says: five in a hundred become
seventeen after eight looks. Here evidence is a likelihood ratio whose mean under "no difference" is one at any time
someone chooses to stop, so it exceeds 1/α in less than α of all races (Ville, 1939), however often one looks and
however one decides to go on.

The ratio is that of Lai (1976) and of Rouder et al. (2009) for a normal effect size: the density of the t statistic
with an effect size δ ~ N(0, ρ²), over its density without one. With the right-invariant prior on the spread it is free
of the spread, hence exact for two seeds as for two hundred. The interval is all differences that it does not rule out.

Why not a library: ``confseq`` 0.0.11 has no boundary for an unknown variance and needs a C++ compiler with Boost to
build; ``savvi`` 0.3.1 has multinomial and asymptotic tests only; ``expectation`` 0.6.1 is not on the index that we
install from; ``baycomp`` and ``autorank`` compare after a fixed number of runs.
"""

import math
from dataclasses import dataclass

import numpy as np

from benchmark.verdicts.statistics.arrays import Array

SCALE = 1.0
"""ρ: the effect size, in standard deviations of the differences, that evidence is most sensitive to."""


@dataclass(frozen=True)
class Sequence:
    """What paired differences say so far; the limits hold at all times together."""

    n: int
    mean: float
    std: float
    low: float
    high: float


def log_evidence(t: Array, n: Array | float, scale: float = SCALE) -> Array:
    """Logarithm of the likelihood ratio of an effect against none, for Student's t of ``n`` differences (n ≥ 2)."""
    inflation = 1 + n * scale**2
    freedom = n - 1
    return np.asarray(
        -0.5 * np.log(inflation) - n / 2 * (np.log1p(t**2 / (inflation * freedom)) - np.log1p(t**2 / freedom))
    )


def critical_t(n: int, level: float, scale: float = SCALE) -> float:
    """The t statistic from which on the evidence is at least 1 / ``level``; infinite if no t reaches it."""
    inflation, freedom = 1 + n * scale**2, n - 1
    # log_evidence is monotone in t²; solve (1 + x) / (1 + x / inflation) = power for x = t² / freedom.
    power = math.exp(2 / n * (math.log(1 / level) + 0.5 * math.log(inflation)))
    if power >= inflation:
        return math.inf
    return math.sqrt(freedom * (power - 1) / (1 - power / inflation))


def sequence(differences: Array, level: float, grain: float = 0.0, scale: float = SCALE) -> Sequence:
    """What ``differences`` (points, one for each seed) say, with limits that are both right in 1 - ``level`` of races.

    Values are multiples of ``grain``: three seeds that differ by the same amount do not have a spread of zero.
    """
    n = len(differences)
    mean = float(np.mean(differences)) if n else math.nan
    if n < 2:
        return Sequence(n, mean, math.nan, -math.inf, math.inf)
    std = max(float(np.std(differences, ddof=1)), grain / math.sqrt(6))
    margin = critical_t(n, level, scale) * std / math.sqrt(n)
    return Sequence(n, mean, std, mean - margin, mean + margin)
