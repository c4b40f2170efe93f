"""Where each criterion of a setting stands: its lead over a reference, its rank, and how sure either is."""

from dataclasses import dataclass, fields

import numpy as np
from scipy import special

from benchmark.verdicts.statistics.arrays import Array
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.statistics.multiplicity import holm
from benchmark.verdicts.statistics.pairs import Pairs, own_variances, pairs
from benchmark.verdicts.statistics.posterior import Measured, draws
from benchmark.verdicts.statistics.ranks import ranks

FEWEST_FOR_PROBABILITIES = 3
"""Seeds; two leave one degree of freedom, from which no spread can be told."""


@dataclass(frozen=True)
class Places:
    """Arrays [families, settings, criteria]; NaN where something cannot be said from so few seeds."""

    n: Array
    mean: Array
    difference: Array
    """To the reference, in points; and its interval."""
    low: Array
    high: Array
    p_holm: Array
    """Of no difference to the reference, corrected for the other criteria of the setting (Holm, 1979)."""
    p_improves: Array
    """Probability that the true mean is above the reference's."""
    p_equivalent: Array
    """Probability that the two true means are within the margin of each other."""
    rank: Array
    """Of the measured mean, 1 is the highest; equal ones share the mean of their ranks."""
    rank_low: Array
    rank_high: Array
    p_best: Array
    """Probability that the true mean is the setting's highest."""
    dof: Array
    error: Array
    """Standard error of the difference."""


def places(panel: Array, grain: Array | float, reference: int, margin: float) -> Places:
    """Where the criteria of ``panel`` [families, settings, criteria, seeds] stand against criterion ``reference``.

    NaN in the panel stands for what has not been run, and families are moderated and sampled apart from each other.
    ``grain``, a number or [families, settings], and ``margin`` are in points.
    """
    found = pairs(panel, grain)
    difference, error, p = _against(found, reference)
    margins = special.stdtrit(found.dof[..., None], (1 + CONFIDENCE) / 2) * error
    likely = _probabilities(panel, found, reference, margin)
    others = np.arange(panel.shape[-2]) != reference
    placed = ranks(np.round(found.mean, 9))  # equal sums of different numbers may differ in the last bit
    return Places(
        n=np.where(found.present, found.n[..., None], np.nan),
        mean=found.mean,
        difference=difference,
        low=difference - margins,
        high=difference + margins,
        p_holm=holm(np.where(others, p, np.nan)),
        p_improves=np.where(others, likely.improves, np.nan),
        p_equivalent=np.where(others, likely.equivalent, np.nan),
        rank=placed,
        rank_low=np.fmin(likely.rank_low, np.floor(placed)),
        rank_high=np.fmax(likely.rank_high, np.ceil(placed)),
        p_best=likely.best,
        dof=np.where(found.present, found.dof[..., None], np.nan),
        error=error,
    )


def _against(found: Pairs, reference: int) -> tuple[Array, Array, Array]:
    """Difference to the reference, its standard error and Student's p-value; NaN for the reference itself."""
    other = np.arange(found.mean.shape[-1]) != reference
    difference = np.where(other, found.mean - found.mean[..., reference, None], np.nan)
    error = np.sqrt(found.variance[..., reference] / found.n[..., None])
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * special.stdtr(found.dof[..., None], -np.abs(difference) / error)
    return difference, np.where(other, error, np.nan), np.where(difference == 0, np.where(error >= 0, 1.0, np.nan), p)


@dataclass(frozen=True)
class Likely:
    """What draws of the true means say [families, settings, criteria]; NaN where nothing was drawn."""

    improves: Array
    equivalent: Array
    best: Array
    rank_low: Array
    rank_high: Array


def _probabilities(panel: Array, found: Pairs, reference: int, margin: float) -> Likely:
    enough = found.present & (found.n >= FEWEST_FOR_PROBABILITIES)[..., None]
    if not enough.any():
        return Likely(*[np.full(found.mean.shape, np.nan)] * len(fields(Likely)))
    variance = own_variances(panel, found) / found.n[..., None]
    return summary(draws(Measured(found.mean, variance, found.dof, enough)), reference, margin)


def summary(drawn: Array, reference: int, margin: float) -> Likely:
    """What ``drawn`` [draws, ..., criteria] says of each criterion; minus infinity stands for one that is not there."""
    there = np.isfinite(drawn[0])
    against = drawn[..., reference, None]
    # Below, minus infinity minus itself is not a number, which is never above or within anything.
    with np.errstate(invalid="ignore"):
        improves, equivalent = (drawn > against).mean(axis=0), (np.abs(drawn - against) < margin).mean(axis=0)
    drawn_ranks = 1 + np.stack([(drawn > drawn[..., k, None]).sum(axis=-1) for k in range(drawn.shape[-1])], axis=-1)
    counts = np.stack([(drawn_ranks <= rank).mean(axis=0) for rank in range(1, drawn.shape[-1] + 1)], axis=-1)
    tail = (1 - CONFIDENCE) / 2
    low, high = (counts <= tail).sum(axis=-1) + 1, (counts < 1 - tail).sum(axis=-1) + 1
    comparable = there & there[..., reference, None]
    return Likely(
        np.where(comparable, improves, np.nan),
        np.where(comparable, equivalent, np.nan),
        *(np.where(there, value, np.nan) for value in ((drawn_ranks == 1).mean(axis=0), low, high)),
    )
