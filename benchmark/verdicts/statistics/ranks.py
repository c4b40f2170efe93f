"""Ranks of several things over many blocks, and whether they differ (Demšar, 2006)."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmark.verdicts.statistics.differences import CONFIDENCE, Array
from criteria.errors import InputError


@dataclass(frozen=True)
class Ranking:
    """Average ranks [things], 1 is the best, and what tells them apart."""

    average: Array
    friedman_p: float
    """P-value that all things rank alike (Friedman, 1937)."""
    nemenyi_p: Array
    """P-value [things, things] that a pair ranks alike, corrected for all pairs (Nemenyi, 1963)."""
    critical_difference: float
    """Average ranks further apart than this differ by Nemenyi's test."""
    confidence: float
    """Level at which the critical difference is one."""


def ranks(values: Array) -> Array:
    """Ranks within each block of ``values`` [blocks, things]; the highest value gets rank 1, equal ones share."""
    return np.asarray(stats.rankdata(-values, axis=1))


def rank(values: Array, confidence: float = CONFIDENCE) -> Ranking:
    """Rank ``values`` [blocks, things], of which higher is better; blocks must be independent for the p-values to hold.

    Raises :class:`InputError` for fewer than three things or two blocks.
    """
    import scikit_posthocs  # takes longer to import than the rest of us, and few commands rank

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
    q = float(stats.studentized_range.ppf(confidence, things, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(things * (things + 1) / (6 * blocks)))
