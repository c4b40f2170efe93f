"""Ranks of several things over many blocks, and whether they differ (Demšar, 2006).

Modules that are slow to import are imported inside the functions that need them, because a check ranks without them.
"""

from dataclasses import dataclass

import numpy as np

from benchmark.verdicts.statistics.arrays import Array
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from criteria.errors import InputError


@dataclass(frozen=True)
class Ranking:
    """Average ranks [things], of which 1 is the best, and the tests of whether they differ."""

    average: Array
    friedman_p: float
    """P-value that all things rank alike (Friedman, 1937)."""
    nemenyi_p: Array
    """P-value [things, things] that a pair ranks alike, corrected for all pairs (Nemenyi, 1963)."""
    critical_difference: float
    """Two average ranks that are further apart than this differ by Nemenyi's test."""
    confidence: float
    """Level of the critical difference."""


def ranks(values: Array) -> Array:
    """Ranks within each block of ``values`` [..., things], 1 for the highest; NaN where a thing has no value.

    Equal values share the mean of their ranks.
    """
    here, others = values[..., :, None], values[..., None, :]
    with np.errstate(invalid="ignore"):
        better, equal = (others > here).sum(axis=-1), (others == here).sum(axis=-1)
    return np.asarray(np.where(np.isfinite(values), better + (equal + 1) / 2, np.nan))


def rank(values: Array, confidence: float = CONFIDENCE) -> Ranking:
    """Rank ``values`` [blocks, things], of which higher is better; the p-values hold if blocks are independent.

    Raises :class:`InputError` for fewer than three things or two blocks.
    """
    import scikit_posthocs
    from scipy import stats

    blocks, things = values.shape
    if blocks < 2 or things < 3:
        raise InputError(f"ranks need at least 3 criteria over 2 blocks; found {things} over {blocks}")
    tied = np.ptp(values, axis=1).max() == 0
    return Ranking(
        average=ranks(values).mean(axis=0),
        friedman_p=1.0 if tied else float(stats.friedmanchisquare(*values.T).pvalue),
        nemenyi_p=scikit_posthocs.posthoc_nemenyi_friedman(values).to_numpy(),
        critical_difference=critical_difference(things, blocks, confidence),
        confidence=confidence,
    )


def critical_difference(things: int, blocks: int, confidence: float = CONFIDENCE) -> float:
    """Nemenyi's critical difference of average ranks (Demšar, 2006, section 3.2.2)."""
    from scipy import stats

    q = float(stats.studentized_range.ppf(confidence, things, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(things * (things + 1) / (6 * blocks)))
