"""The claim ``spread-grows``."""

import math

import numpy as np

from benchmark.verdicts.claims.cases import (
    FEWEST,
    STUDIED,
    Contenders,
    Setting,
    common_seeds,
    listed,
    low_and_high,
    settings,
)
from benchmark.verdicts.claims.outcome import ClaimOutcome, above_zero
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.ordered import LEVEL, Interval
from benchmark.verdicts.statistics.spread import jackknife, true_variance

FEWEST_SEEDS = 3
"""Leaving out one must leave two, whose noise is independent."""


def spread_grows(samples: Samples, tolerance: float) -> ClaimOutcome | None:
    """The true means of the studied criteria are further apart at the lowest third of the densities than the highest.

    Runs are noisier at low density, which alone would drive the criteria's measured means apart; so the variance
    between *true* means is compared, from products of different seeds. The effect is the spread that low density adds:
    the root of the difference of variances, with the sign of that difference. Its interval is a jackknife over seeds,
    and so needs three. Supported where it is shown to be above zero, not supported where it is not, but shown to be
    below the tolerance.
    """
    present = settings(samples)
    criteria = [name for name in STUDIED if any(name in contenders for contenders in present.values())]
    complete = {setting: each for setting, each in present.items() if len(each) == len(criteria)}
    densities = {setting.density for setting in complete}
    if len(densities) < 2 or len(criteria) < FEWEST:
        return None
    ends = low_and_high(list(densities))
    complete = _matched(complete, [density for end in ends for density in end])
    if not complete:
        return None
    seeds = common_seeds(list(complete.values()))
    low, high = (
        np.array(
            [
                [[each[name][seed] for seed in seeds] for name in criteria]
                for setting, each in complete.items()
                if setting.density in end
            ]
        )
        for end in ends
    )
    effect, finding = None, f"Needs {FEWEST_SEEDS} seeds that all {len(criteria)} criteria have run with"
    if len(seeds) >= FEWEST_SEEDS:
        added = jackknife(lambda chosen: true_variance(low[..., chosen]) - true_variance(high[..., chosen]), len(seeds))
        effect = Interval(*map(_signed_root, (added.value, added.lower(LEVEL), added.upper(LEVEL))))
        spreads = [max(_signed_root(true_variance(values)), 0.0) for values in (low, high)]
        finding = (
            f"Standard deviation between criteria, without noise: {spreads[0]:.2f} points at {listed(ends[0])}, "
            f"{spreads[1]:.2f} at {listed(ends[1])}"
        )
    return ClaimOutcome(
        id="spread-grows",
        claim="The differences become more significant at low density",
        where="abstract",
        verdict="undecided" if effect is None else above_zero(effect, tolerance),
        effect=effect,
        finding=finding,
    )


def _matched(present: dict[Setting, Contenders], densities: list[float]) -> dict[Setting, Contenders]:
    """The settings whose growth and further settings have run at all of ``densities``.

    Otherwise low and high density would differ in more than density.
    """
    seen: dict[object, set[float]] = {}
    for setting in present:
        seen.setdefault((setting.growth, setting.extra), set()).add(setting.density)
    return {
        setting: contenders
        for setting, contenders in present.items()
        if seen[setting.growth, setting.extra] >= set(densities)
    }


def _signed_root(variance: float) -> float:
    return math.copysign(math.sqrt(abs(variance)), variance)
