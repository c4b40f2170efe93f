"""Variances that borrow strength from each other, because two or three seeds alone say little about one (Smyth, 2004).

Many variances of one family, each with few degrees of freedom, are taken to come from a scaled inverse χ² distribution
with ``d0`` degrees of freedom around ``s0²``. A variance is then pulled towards ``s0²``, and counts as one that is
known to ``d0`` more degrees of freedom.

Source: G. K. Smyth, "Linear models and empirical Bayes methods for assessing differential expression in microarray
experiments", Statistical Applications in Genetics and Molecular Biology 3 (2004), sections 4 and 6.2. Two things
differ. A moderated variance is never below the measured one: a family with a few noisy members among many quiet ones is
not inverse χ², and would call its noisy members different far too often. And the same pair of criteria in several
settings is known to be noisy from all of them: it has an ``s0²`` of its own, shrunk towards the family's. Without it a
noisy reference gets intervals that cover 90 times in a hundred instead of 95 (simulated, three seeds).
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from benchmark.verdicts.statistics.arrays import Array, Mask

FEWEST = 10
"""Variances that a family must have before they borrow from each other."""
FEWEST_ROWS = 3
"""Settings from which on a pair has a level of its own."""
OVERLAPPING = 0.5
"""Part of ``d0`` that counts where the members of a family overlap, as pairs of criteria do.

The moments of ``log s²`` take members for independent; fifteen pairs of six criteria have but five independent
differences. Chosen by simulation, so that intervals cover where one criterion is far noisier than the others.
"""


@dataclass(frozen=True)
class Moderated:
    """Variances and the degrees of freedom that they count with; NaN where the family has no member."""

    variance: Array
    dof: Array


@dataclass(frozen=True)
class Prior:
    """What a family says of a member before the member is looked at."""

    dof: Array
    """d0 [...], infinite where the members scatter no more than chance."""
    variance: Array
    """s0² of each member [..., members]."""


def moderate(variance: Array, dof: Array) -> Moderated:
    """Variances of families [..., members], each with ``dof`` degrees of freedom, moderated within their family.

    NaN stands for a member that is not there; a member without a degree of freedom takes what the others say.
    """
    present = np.isfinite(variance) & (dof > 0)
    fitted = prior(variance[..., None, :], dof[..., None, :], present[..., None, :])
    return _pulled(variance, dof, present, Prior(fitted.dof, fitted.variance[..., 0, :]), np.where(present, dof, 0.0))


def moderate_pairs(variance: Array, dof: Array, independent: Array) -> Moderated:
    """Variances of pairs [..., settings, pairs], each with ``dof`` degrees of freedom, moderated over all of them.

    ``independent`` [...] is how many degrees of freedom all pairs have together, given that they overlap; no moderated
    variance counts with more of them. NaN stands for a pair that is not there.
    """
    present = np.isfinite(variance) & (dof > 0)
    fitted = prior(variance, dof, present)
    shape, flat = variance.shape, (*variance.shape[:-2], -1)
    found = _pulled(
        variance.reshape(flat),
        dof.reshape(flat),
        present.reshape(flat),
        Prior(OVERLAPPING * np.minimum(fitted.dof, independent), fitted.variance.reshape(flat)),
        independent[..., None],
    )
    return Moderated(found.variance.reshape(shape), found.dof.reshape(shape))


def _pulled(variance: Array, dof: Array, present: Mask, fitted: Prior, independent: Array) -> Moderated:
    """``variance`` [..., members] pulled to the prior, which counts for no more than all members together have."""
    most = independent.sum(axis=-1, keepdims=True)
    prior_dof = np.minimum(fitted.dof[..., None], most)
    own = np.where(present, dof, 0.0)
    total = prior_dof + own
    with np.errstate(invalid="ignore", divide="ignore"):
        pulled = (prior_dof * fitted.variance + own * np.where(present, variance, 0.0)) / total
    known = np.where(present, np.fmax(pulled, variance), pulled)
    return Moderated(known, np.where(np.isfinite(known), np.minimum(total, np.maximum(most, own)), np.nan))


def prior(variance: Array, dof: Array, present: Mask) -> Prior:
    """The prior of families [..., rows, columns] of variances, by the moments of their logarithms.

    A column has a level of its own where it has enough rows, shrunk towards that of the family as far as the columns'
    levels differ no more than chance.
    """
    d = np.where(present, dof, 1.0)
    # A variance of zero has no logarithm; callers give a floor, and this keeps an exact zero from being the prior.
    logs = np.log(np.maximum(np.where(present, variance, 1.0), 1e-12)) - special.digamma(d / 2) + np.log(d / 2)
    count = present.sum(axis=(-2, -1))
    n = np.maximum(count, 2)
    chance = np.where(present, special.polygamma(1, d / 2), 0.0).sum(axis=(-2, -1)) / n
    level, columns, unsure = _levels(logs, present, chance)
    squares = np.where(present, (logs - level) ** 2, 0.0).sum(axis=(-2, -1)) / np.maximum(n - 1 - columns, 1)
    excess = np.maximum(squares - chance, 0.0) + unsure
    half = np.where(excess > 0, inverse_trigamma(np.maximum(excess, 1e-9)), np.inf)
    finite = np.where(np.isfinite(half), half, 1.0)
    shift = np.where(np.isfinite(half), special.digamma(finite) - np.log(finite), 0.0)
    return Prior(np.where(count >= FEWEST, 2 * half, 0.0), np.exp(level + shift[..., None, None]))


def _levels(logs: Array, present: Mask, chance: Array) -> tuple[Array, Array, Array]:
    """The level of each member [..., rows, columns], how many columns' levels are in it, and its own variance."""
    there = np.where(present, logs, 0.0)
    rows = present.sum(axis=-2, keepdims=True)
    overall = there.sum(axis=(-2, -1), keepdims=True) / np.maximum(rows.sum(axis=-1, keepdims=True), 1)
    deviation = np.where(rows > 0, there.sum(axis=-2, keepdims=True) / np.maximum(rows, 1) - overall, 0.0)
    columns = (rows > 0).sum(axis=(-2, -1))
    within = np.where(present, (logs - overall - deviation) ** 2, 0.0).sum(axis=(-2, -1))
    within = np.maximum(within / np.maximum(rows.sum(axis=(-2, -1)) - columns, 1), chance)
    expected = within * (np.where(rows > 0, 1 / np.maximum(rows, 1), 0.0)).sum(axis=(-2, -1)) / np.maximum(columns, 1)
    between = (deviation**2).sum(axis=(-2, -1)) / np.maximum(columns - 1, 1)
    share = np.clip(1 - expected / np.maximum(between, 1e-12), 0.0, 1.0)
    share = np.where(rows.max(axis=(-2, -1), initial=0) >= FEWEST_ROWS, share, 0.0)
    level = np.broadcast_to(overall + share[..., None, None] * deviation, logs.shape)
    return level, share * (columns - 1), share * expected


def inverse_trigamma(value: Array) -> Array:
    """The y > 0 with trigamma(y) = ``value`` > 0, by Newton's method on its reciprocal (Smyth, 2004, appendix)."""
    y = 0.5 + 1 / value
    for _ in range(12):  # quadratic and monotone: eight steps reach the last digit from any start
        trigamma = special.polygamma(1, y)
        y = y + trigamma * (1 - trigamma / value) / special.polygamma(2, y)
    return np.asarray(y)
