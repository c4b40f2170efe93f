"""How firm a verdict on a claim is: whether it hangs on one criterion, and how many seeds would decide it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

from benchmark.verdicts.samples import Samples

if TYPE_CHECKING:
    from benchmark.verdicts.claims.api import ClaimVerdict, Judgement

Decide: TypeAlias = "Callable[[Samples, float], Judgement | None]"
"""The function of a claim, which gives a judgement with a verdict or None."""
COPIES = (2, 3, 4, 6, 8, 12, 20)
"""How often every seed is taken, to see how many would settle a claim."""


@dataclass(frozen=True)
class Outlook:
    """How many seeds would decide a claim."""

    seeds: int | None = None
    """None if many do not decide it, or it is not known."""
    unknown: str = ""
    """Why the number is not known, as a sentence without its full stop; empty if it is."""


def without_each(decide: Decide, samples: Samples, tolerance: float, verdict: str) -> "dict[str, ClaimVerdict]":
    """The verdicts with one criterion left out that are not ``verdict``, by the criterion."""
    found: dict[str, ClaimVerdict] = {}
    for name in sorted({cell.criterion for cell in samples if cell.growth is not None}):
        fewer = decide({cell: values for cell, values in samples.items() if cell.criterion != name}, tolerance)
        if fewer is not None and fewer.verdict != verdict:
            found[name] = fewer.verdict
    return found


def seeds_to_settle(decide: Decide, samples: Samples, tolerance: float) -> Outlook:
    """Seeds with which a claim would be decided if means, spreads and correlations are as measured.

    Every seed is taken several times, and its deviations are scaled so that the spread stays what it is. A spread that
    is not known, because cells have one seed or have none in common, stays unknown however often that is done.
    """
    if max(map(len, samples.values()), default=0) < 2:
        return Outlook(unknown="One seed cannot tell how many would settle it")
    step = max(max(values) for values in samples.values() if values) + 1
    found = None
    for times in COPIES:
        found = decide({cell: _copied(values, times, step) for cell, values in samples.items()}, tolerance)
        if found is not None and found.verdict != "undecided":
            return Outlook(times * max(len(values) for values in samples.values()))
    if found is None or found.effect is None or not all(map(math.isfinite, (found.effect.low, found.effect.high))):
        return Outlook(unknown="These runs cannot tell how many seeds would settle it")
    return Outlook()


def _copied(values: Mapping[int, float], times: int, step: int) -> dict[int, float]:
    """Every seed several times, ``step`` apart, so that the copies of a seed have the same number in all cells."""
    n = len(values)
    if n < 2:
        return dict(values)
    mean = fmean(values.values())
    scale = math.sqrt((n * times - 1) / (times * (n - 1)))
    return {
        copy * step + seed: mean + scale * (value - mean) for copy in range(times) for seed, value in values.items()
    }
