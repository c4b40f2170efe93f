"""How firm a verdict on a claim is: whether it hangs on one criterion, and how many seeds would decide it."""

import math
from collections.abc import Callable, Mapping
from statistics import fmean
from typing import TYPE_CHECKING, TypeAlias

from benchmark.verdicts.samples import Samples

if TYPE_CHECKING:
    from benchmark.verdicts.claims.api import ClaimVerdict, Judgement

Decide: TypeAlias = "Callable[[Samples, float], Judgement | None]"
"""The function of a claim, which gives a judgement with a verdict or None."""
COPIES = (2, 3, 4, 6, 8, 12, 20)
"""How often every seed is taken, to see how many would settle a claim."""


def without_each(decide: Decide, samples: Samples, tolerance: float, verdict: str) -> "dict[str, ClaimVerdict]":
    """The verdicts with one criterion left out that are not ``verdict``, by the criterion."""
    found: dict[str, ClaimVerdict] = {}
    for name in sorted({cell.criterion for cell in samples if cell.growth is not None}):
        fewer = decide({cell: values for cell, values in samples.items() if cell.criterion != name}, tolerance)
        if fewer is not None and fewer.verdict != verdict:
            found[name] = fewer.verdict
    return found


def seeds_to_settle(decide: Decide, samples: Samples, tolerance: float) -> int | None:
    """Seeds with which a claim would be decided if means, spreads and correlations are as measured; None if never.

    Every seed is taken several times, and its deviations are scaled so that the spread stays what it is.
    """
    for times in COPIES:
        found = decide({cell: _copied(values, times) for cell, values in samples.items()}, tolerance)
        if found is not None and found.verdict != "undecided":
            return times * max(len(values) for values in samples.values())
    return None


def _copied(values: Mapping[int, float], times: int) -> dict[int, float]:
    n = len(values)
    if n < 2:
        return dict(values)
    mean = fmean(values.values())
    scale = math.sqrt((n * times - 1) / (times * (n - 1)))
    step = max(values) + 1
    return {
        copy * step + seed: mean + scale * (value - mean) for copy in range(times) for seed, value in values.items()
    }
