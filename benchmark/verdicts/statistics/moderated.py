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

CAUTION = 6.0
"""Part of ``d0`` that does not count in a family of d degrees of freedom each is this / (d² + this); by simulation."""


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


def moderate(variance: Array, dof: Array, along: Array | None = None, alike: Array | float = 0.0) -> Moderated:
    """Variances of families [..., members], each with ``dof`` degrees of freedom, moderated within their family.

    NaN stands for a member that is not there; a member without a degree of freedom takes what the others say. ``along``
    [..., members] is something that variances may rise or fall with (on a logarithmic scale, by a straight line that is
    shrunk to a level one as far as chance explains it): what is less accurate also varies more. ``alike`` [...] is the
    correlation of the members' values: variances correlate by its square, and so many of them are worth as much as few.
    """
    present = np.isfinite(variance) & (dof > 0)
    trend = np.zeros_like(variance) if along is None else along
    fitted = _prior_along(np.where(present, variance, 1.0), np.where(present, dof, 1.0), present, trend)
    # The less a family has to learn from, the more its prior promises that tails do not keep (simulated).
    each = np.where(present, dof, 0.0).sum(axis=-1) / np.maximum(present.sum(axis=-1), 1)
    discounted = Prior(fitted.dof * each**2 / (each**2 + CAUTION), fitted.variance)
    together = np.where(present, dof, 0.0).sum(axis=-1)
    shared = 1 + np.maximum(present.sum(axis=-1) - 1, 0) * np.asarray(alike) ** 2
    most = each + np.maximum(together / shared - each, 0.0) * (1 - np.asarray(alike)) ** 2
    return _pulled(variance, dof, present, discounted, most[..., None])


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


def _prior_along(variance: Array, dof: Array, present: Mask, along: Array) -> Prior:
    """The prior of families [..., members] of variances whose level may follow ``along``."""
    logs = np.log(np.maximum(variance, 1e-12)) - special.digamma(dof / 2) + np.log(dof / 2)
    count = present.sum(axis=-1, keepdims=True)
    n = np.maximum(count, 3)
    mean = np.where(present, logs, 0.0).sum(axis=-1, keepdims=True) / n
    centred = np.where(present, along - np.where(present, along, 0.0).sum(axis=-1, keepdims=True) / n, 0.0)
    spread = np.maximum((centred**2).sum(axis=-1, keepdims=True), 1e-9)
    slope = (centred * (logs - mean)).sum(axis=-1, keepdims=True) / spread
    rest = np.where(present, logs - mean - slope * centred, 0.0)
    ratio = slope**2 * spread / np.maximum((rest**2).sum(axis=-1, keepdims=True) / (n - 2), 1e-12)
    share = np.clip(1 - 1 / np.maximum(ratio, 1e-9), 0.0, 1.0)
    level = mean + share * slope * centred
    squares = (np.where(present, logs - level, 0.0) ** 2).sum(axis=-1, keepdims=True) / (n - 1 - share)
    chance = np.where(present, special.polygamma(1, dof / 2), 0.0).sum(axis=-1, keepdims=True) / n
    # The level of the family is itself estimated; far out on the line it is known less well, here taken on average.
    excess = (np.maximum(squares - chance, 0.0) + squares * (1 + share) / n)[..., 0]
    half = inverse_trigamma(np.maximum(excess, 1e-9))
    shift = special.digamma(half) - np.log(half)
    return Prior(np.where(count[..., 0] >= FEWEST, 2 * half, 0.0), np.exp(level + shift[..., None]))


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
