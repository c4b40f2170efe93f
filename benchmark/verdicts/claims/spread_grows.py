"""The claim ``spread-grows``."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.verdicts.claims.api import Judgement, above_zero, claim
from benchmark.verdicts.claims.cases import FEWEST, STUDIED, densities_of, listed, low_and_high, studied_settings
from benchmark.verdicts.contenders import Contenders, Setting, common_seeds
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.arrays import Array
from benchmark.verdicts.statistics.ordered import LEVEL, Interval
from benchmark.verdicts.statistics.spread import jackknife, true_variance

FEWEST_SEEDS = 3
"""The jackknife leaves out one seed and must leave two, whose noise is independent."""


@claim("spread-grows", "The differences become more significant at low density", where="abstract")
def spread_grows(samples: Samples, tolerance: float) -> Judgement | None:
    """The true means of the studied criteria are further apart at the lowest third of the densities than the highest.

    Runs are noisier at low density, which alone would drive the criteria's measured means apart; so the variance
    between *true* means is compared, from products of different seeds. The effect is the spread that low density adds:
    the root of the difference of variances, with the sign of that difference. Its interval is a jackknife over seeds,
    and so needs three. The claim is supported if it is shown to be above zero, contradicted if below, and negligible if
    it is shown to be within the tolerance of zero.

    Variances are skewed, which the jackknife does not know: simulated with equal spreads at both ends, the claim is
    wrongly supported in two of a hundred experiments, and wrongly contradicted in four where an end has one setting,
    in three where it has more.
    """
    present = studied_settings(samples)
    criteria = [name for name in STUDIED if any(name in contenders for contenders in present.values())]
    complete = {setting: each for setting, each in present.items() if len(each) == len(criteria)}
    densities = densities_of(complete)
    if len(densities) < 2 or len(criteria) < FEWEST:
        return None
    ends = low_and_high(densities)
    complete = _matched(complete, [density for end in ends for density in end])
    if not complete:
        return None
    seeds = common_seeds(*complete.values())
    if len(seeds) < FEWEST_SEEDS:
        return Judgement(
            "undecided", None, f"Needs {FEWEST_SEEDS} seeds that all {len(criteria)} criteria have run with"
        )
    low, high = (_values(complete, end, criteria, seeds) for end in ends)
    effect = _added_spread(low, high)
    spreads = [max(_signed_root(true_variance(values)), 0.0) for values in (low, high)]
    return Judgement(
        above_zero(effect, tolerance),
        effect,
        f"Standard deviation between criteria, without noise: {spreads[0]:.2f} points at {listed(ends[0])}, "
        f"{spreads[1]:.2f} at {listed(ends[1])}",
    )


def _values(
    present: Mapping[Setting, Contenders], densities: Sequence[float], criteria: Sequence[str], seeds: Sequence[int]
) -> Array:
    """The metric in percent of the settings at some densities, [settings, criteria, seeds]."""
    here = [each for setting, each in present.items() if setting.density in densities]
    return np.array([[[each[name][seed] for seed in seeds] for name in criteria] for each in here])


def _added_spread(low: Array, high: Array) -> Interval:
    """The spread between true means that low density adds, from [settings, criteria, seeds] of either end."""
    seeds = low.shape[-1]
    added = jackknife(lambda chosen: true_variance(low[..., chosen]) - true_variance(high[..., chosen]), seeds)
    return Interval(*map(_signed_root, (added.value, added.lower(LEVEL), added.upper(LEVEL))))


def _matched(present: dict[Setting, Contenders], densities: list[float]) -> dict[Setting, Contenders]:
    """The settings whose growth and further settings have run at all of ``densities``.

    Otherwise low and high density would differ in more than density.
    """
    seen: dict[object, set[float | None]] = {}
    for setting in present:
        seen.setdefault((setting.growth, setting.extra), set()).add(setting.density)
    return {
        setting: contenders
        for setting, contenders in present.items()
        if seen[setting.growth, setting.extra] >= set(densities)
    }


def _signed_root(variance: float) -> float:
    return math.copysign(math.sqrt(abs(variance)), variance)
