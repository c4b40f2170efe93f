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
from functools import cache

import numpy as np

from benchmark.verdicts.statistics.arrays import Array

SCALES = ((0.7, 0.65), (2.0, 0.2), (10.0, 0.15))
"""ρ, the effect sizes in standard deviations of the differences that evidence is sensitive to, each with its weight.

The mean of several likelihood ratios is one as well. Small effects are the rule; the large scale decides after three or
four seeds where a plugin does not train at all.
"""
LARGEST = 1e9
"""A t statistic beyond any that is looked for."""


@dataclass(frozen=True)
class Sequence:
    """What paired differences say so far; the limits hold at all times together."""

    n: int
    mean: float
    std: float
    low: float
    high: float


def log_evidence(t: float, n: int) -> float:
    """Logarithm of the likelihood ratio of an effect against none, for Student's t of ``n`` differences (n ≥ 2)."""
    freedom = n - 1
    parts = []
    for scale, weight in SCALES:
        inflation = 1 + n * scale**2
        ratio = math.log1p(t**2 / (inflation * freedom)) - math.log1p(t**2 / freedom)
        parts.append(math.log(weight) - 0.5 * math.log(inflation) - n / 2 * ratio)
    largest = max(parts)
    return largest + math.log(sum(math.exp(part - largest) for part in parts))


@cache
def critical_t(n: int, level: float) -> float:
    """The t statistic from which on the evidence is at least 1 / ``level``; infinite if no t reaches it."""
    wanted, low, high = math.log(1 / level), 0.0, 1.0
    while log_evidence(high, n) < wanted:  # the evidence rises with t, to a limit
        low, high = high, 2 * high
        if high > LARGEST:
            return math.inf
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if log_evidence(middle, n) < wanted else (low, middle)
    return high


def sequence(differences: Array, level: float, grain: float = 0.0) -> Sequence:
    """What ``differences`` (points, one for each seed) say, with limits that are both right in 1 - ``level`` of races.

    Values are multiples of ``grain``: three seeds that differ by the same amount do not have a spread of zero.
    """
    n = len(differences)
    mean = float(np.mean(differences)) if n else math.nan
    if n < 2:
        return Sequence(n, mean, math.nan, -math.inf, math.inf)
    std = max(float(np.std(differences, ddof=1)), grain / math.sqrt(6))
    critical = critical_t(n, level)
    margin = critical * std / math.sqrt(n) if math.isfinite(critical) else math.inf
    return Sequence(n, mean, std, mean - margin, mean + margin)
