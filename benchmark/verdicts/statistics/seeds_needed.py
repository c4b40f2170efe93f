"""How many seeds would settle whether two criteria differ, if what was found so far is the truth."""

import numpy as np
from scipy import special

from benchmark.verdicts.limits import MOST_SEEDS
from benchmark.verdicts.statistics.arrays import Array

POWER = 0.8
"""Probability that the interval then says so."""


def seeds_needed(difference: Array, error: Array, dof: Array, n: Array, margin: float, confidence: float) -> Array:
    """Seeds [...] with which the interval of each difference would exclude zero, or lie inside ± ``margin``.

    ``error`` is the standard error with the ``n`` seeds there are, known to ``dof`` degrees of freedom. ``n`` itself
    where the interval says so already; NaN where no spread is known; infinite where :data:`MOST_SEEDS` are too few.
    """
    # A few hundred candidates, dense where it matters.
    extra = np.unique(np.round(np.concatenate([np.arange(100), np.geomspace(100, MOST_SEEDS, 100)])))
    total = np.asarray(n)[..., None] + extra
    size = np.abs(difference)[..., None]
    spread = error[..., None] * np.sqrt(np.asarray(n)[..., None] / total)
    width = special.stdtrit(dof[..., None] + extra, (1 + confidence) / 2) * spread
    reserve = np.where(extra > 0, special.ndtri(POWER), 0.0) * spread  # none where nothing more is drawn
    settled = (size > width + reserve) | (size + width + reserve < margin)
    first = np.take_along_axis(total, settled.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    known = np.isfinite(difference) & np.isfinite(error)
    return np.asarray(np.where(known, np.where(settled.any(axis=-1), first, np.inf), np.nan))
