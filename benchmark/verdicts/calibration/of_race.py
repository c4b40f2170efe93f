"""What a race promises: equals are seldom called different, and a lead is found with fewer seeds than planned ahead."""

from collections.abc import Iterable

import numpy as np
from scipy import special

from benchmark.system.quantity import quantity
from benchmark.verdicts.limits import MARGIN
from benchmark.verdicts.race import FIRST, LEVEL
from benchmark.verdicts.statistics.arrays import Array, Mask
from benchmark.verdicts.statistics.sequential import critical_t

MOST = 400
POWER = 0.9
EQUALS = 6
"""Comparisons of the race among equals."""


def outcomes(differences: Array, level: float, margin: float) -> tuple[Array, Mask, Mask]:
    """When each race [races, seeds] is decided (the last seed if never), and whether as better and as worse.

    The same rule as :func:`benchmark.verdicts.race.decide`, asked after every seed.
    """
    races, seeds = differences.shape
    n = np.arange(1, seeds + 1)
    mean = differences.cumsum(axis=1) / n
    squares = (differences**2).cumsum(axis=1) - n * mean**2
    std = np.sqrt(np.maximum(squares / np.maximum(n - 1, 1), 1e-12))
    critical = np.array([np.inf, *(critical_t(k, level) for k in range(2, seeds + 1))])
    width = critical * std / np.sqrt(n)
    better, worse = mean > width, mean < -width
    equivalent = (np.abs(mean) + width < margin) & (n >= FIRST)
    decided = better | worse | equivalent
    first = np.where(decided.any(axis=1), decided.argmax(axis=1), seeds - 1)
    at = (np.arange(races), first)
    return (first + 1).astype(np.float64), better[at], worse[at]


def fixed_seeds(effect: float, level: float, power: float) -> int:
    """Seeds of a paired t-test that finds an effect (in standard deviations of the differences) with this power."""
    for n in range(2, 10_000):
        critical = float(special.stdtrit(n - 1, 1 - level / 2))
        if 1 - special.nctdtr(n - 1, effect * np.sqrt(n), critical) >= power:
            return n
    raise ValueError(f"no sample is large enough for an effect of {effect}")


def lines(races: int) -> Iterable[tuple[str, str, str]]:
    """What is promised, what is required, and what was found."""
    generator = np.random.default_rng(6)
    for comparisons in (1, EQUALS):
        wrong = np.zeros(races, dtype=bool)
        shared = generator.standard_normal((races, MOST))  # all are compared with the same rival
        for _ in range(comparisons):
            own = generator.standard_normal((races, MOST))
            _, better, worse = outcomes((own - shared) * 0.2, LEVEL / comparisons, MARGIN / 10)
            wrong |= better | worse
        name = f"race among equals, {quantity(comparisons, 'comparison')}: any better or worse"
        yield name, "≤ .05", f"{wrong.mean():.4f}"
    for lead in (0.7, 1.0, 2.0, 5.0):
        effect = lead / np.sqrt(2)  # a difference of two criteria has twice the variance of one
        when, better, _ = outcomes(effect + generator.standard_normal((races, MOST)), LEVEL, 0.0)
        planned = fixed_seeds(effect, LEVEL, POWER)
        enough = int(np.quantile(np.where(better, when, np.inf), POWER))
        told = f"median {np.median(when):.0f}, mean {when.mean():.1f}, 9 in 10 after {enough}; fixed design {planned}"
        yield f"seeds at a true lead of {lead:g} sd, against a fixed design of power {POWER:g}", "fewer", told
