"""The claim ``magnitude-first``."""

import math

import numpy as np

from benchmark.verdicts.claims.api import Judgement, above_zero, claim
from benchmark.verdicts.claims.cases import above_on_average, densities_of, listed, low_and_high, studied_settings
from benchmark.verdicts.contenders import Contenders, common_seeds
from benchmark.verdicts.samples import Samples, grain
from benchmark.verdicts.statistics.ordered import Greatest, Least, nth_largest
from benchmark.verdicts.statistics.paired import paired
from benchmark.verdicts.statistics.ranks import ranks

FIRST = "magnitude"
BY_MAGNITUDE = ("magnitude", "set", "mest")
"""Criteria that prune the smallest weights, or nearly those."""


@claim("magnitude-first", "At low density the best is predominantly magnitude-based pruning", where="abstract")
def magnitude_first(samples: Samples, tolerance: float) -> Judgement | None:
    """In more than half of the settings at the lowest densities the best studied criterion is one by magnitude.

    ``set`` and ``mest`` prune nearly the same weights as magnitude, so asking that magnitude beat them would make a
    straw man of the claim. A setting counts by the lead of the best of the three over the best of the others, whichever
    they truly are, at the lowest third of the densities. The effect is the lead that more than half of the settings
    have; the claim is supported if it is shown to be above zero, contradicted if below, and negligible if it is shown
    to be within the tolerance of zero. The finding also says by how much any criterion may be ahead of magnitude.
    """
    present = {setting: each for setting, each in studied_settings(samples).items() if FIRST in each}
    densities = densities_of(present)
    if len(densities) < 2:
        return None
    low, _ = low_and_high(densities)
    fields = [each for setting, each in present.items() if setting.density in low]
    if not any(_others(each) for each in fields):
        return None
    step = grain(samples)
    leads = [lead for each in fields if (lead := _lead(each, step)) is not None]
    if not leads:
        found = f"No criterion by magnitude has seeds in common with all others at {listed(low)}"
        return Judgement("undecided", None, found)
    most = len(leads) // 2 + 1
    effect = nth_largest(leads, most)
    best = above_on_average(leads)
    return Judgement(
        above_zero(effect, tolerance),
        effect,
        f"One of {', '.join(BY_MAGNITUDE)} is best on average in {best} of {len(leads)} settings at {listed(low)}; the "
        f"best of them leads the strongest other by {effect.value:+.2f} points or more in {most}; "
        f"{_behind(fields, step)}; {_ranking(fields)}",
    )


def _others(contenders: Contenders) -> list[str]:
    """The criteria that are not by magnitude."""
    return [name for name in contenders if name not in BY_MAGNITUDE]


def _lead(contenders: Contenders, step: float) -> Greatest | None:
    """How far the best by magnitude is ahead of the strongest of the others; None if there are none to compare."""
    rest = _others(contenders)
    leads = []
    for name in BY_MAGNITUDE:
        if name in contenders:
            against = [paired(contenders[name], contenders[other], step) for other in rest]
            known = [each for each in against if each is not None]
            if known and len(known) == len(against):
                leads.append(Least(known))
    return Greatest(leads) if leads else None


def _behind(fields: list[Contenders], step: float) -> str:
    """By how much magnitude is ahead of any other criterion, or behind it, in words."""
    leads = [
        lead
        for each in fields
        for name, values in each.items()
        if name != FIRST and (lead := paired(each[FIRST], values, step)) is not None
    ]
    if not leads:
        return f"{FIRST} has no seed in common with another criterion"
    least = nth_largest(leads, len(leads))
    known = f" (at least {least.low:+.2f})" if math.isfinite(least.low) else ""
    return f"the least lead of magnitude over any other is {least.value:+.2f}{known}"


def _ranking(fields: list[Contenders]) -> str:
    """Average ranks of the criteria that are in all settings, over settings and the seeds they all have."""
    names = sorted(set.intersection(*(set(each) for each in fields)))
    blocks = [
        [each[name][seed] for name in names]
        for each in fields
        for seed in common_seeds({name: each[name] for name in names})
    ]
    if not blocks:
        return "no average ranks, because no seed is common to all criteria"
    average = ranks(np.array(blocks)).mean(axis=0).tolist()
    best_first = sorted(zip(average, names, strict=True))
    return f"average ranks: {', '.join(f'{name} {value:.2f}' for value, name in best_first)}"
