"""Whether cells changed between two sides, each alone and many together.

A change is a cell's mean on the second side minus that on the first, with what is known of its noise. The variances of
all cells are moderated together (:mod:`~benchmark.verdicts.statistics.moderated`). Cells of one seed share initial
weights and batch order, so their changes may be correlated; what is said of several cells together must hold for any
correlation, which three seeds cannot measure. So a group of cells is judged against the other cells, which cancels what
all cells share, and all cells together by their seeds' means alone.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from benchmark.verdicts.statistics.arrays import Array, Mask, counts, means
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.statistics.moderated import moderate

FEWEST = 3
"""Degrees of freedom of the seeds from which on a contrast is judged; with fewer it fails too many honest reruns."""


@dataclass(frozen=True)
class Changes:
    """Changes of cells [..., cells]; NaN where nothing is known."""

    difference: Array
    variance: Array
    """Of one seed, and the degrees of freedom that it is known to."""
    dof: Array
    size: Array
    """Times ``variance``: that of the change."""
    residuals: Array
    """Deviations of all seeds of both sides from their means [..., cells, seeds]."""
    means: int
    """Means that the residuals of a cell are taken from: two, or one where seeds are paired."""
    level: Array
    """Mean of both sides in percent, which spreads go with."""


@dataclass(frozen=True)
class Judged:
    """Differences with interval and p-value, each an array."""

    difference: Array
    low: Array
    high: Array
    p: Array
    """Two-sided, of no change; 1 where nothing is known of the noise."""
    z: Array
    """The difference as a standard normal deviate: the same p-value with the sign of the difference."""


def between_sides(first: Array, second: Array, grain: float) -> Changes:
    """Changes between two sides [..., cells, seeds] with other seeds; NaN stands for a seed that a cell lacks.

    The variance of a cell is taken to be the same on both sides, which is what the same training gives.
    """
    sides = [(counts(side), means(side)) for side in (first, second)]
    (n1, mean1), (n2, mean2) = sides
    residuals = np.concatenate([first - mean1[..., None], second - mean2[..., None]], axis=-1)
    dof = np.maximum(n1 - 1, 0) + np.maximum(n2 - 1, 0)
    with np.errstate(divide="ignore"):
        size = 1 / n1 + 1 / n2
    return Changes(
        mean2 - mean1, _variance(residuals, dof, grain**2 / 12), dof, size, residuals, 2, (mean1 + mean2) / 2
    )


def between_seeds(first: Array, second: Array, grain: float) -> Changes:
    """Changes between two sides [..., cells, seeds] with the same seeds, in the same order; NaN where one lacks it."""
    each = second - first
    n, difference = counts(each), means(each)
    residuals = each - difference[..., None]
    dof = np.maximum(n - 1, 0)
    level = means((first + second) / 2)
    with np.errstate(divide="ignore"):
        return Changes(difference, _variance(residuals, dof, grain**2 / 6), dof, 1 / n, residuals, 1, level)


def moderated(changes: Changes) -> Changes:
    """The same changes with the variances and degrees of freedom that all of them give each other."""
    along = np.log(np.maximum(100 - np.nan_to_num(changes.level), 0.5))
    found = moderate(changes.variance, changes.dof, along, seed_correlation(changes.residuals))
    return replace(changes, variance=found.variance, dof=found.dof)


def seed_correlation(residuals: Array) -> Array:
    """Mean correlation over seeds between two cells [...], from 0 to 1, for residuals [..., cells, seeds]."""
    there = np.isfinite(residuals)
    spread = np.sqrt(np.nansum(residuals**2, axis=-1) / np.maximum(there.sum(axis=-1), 1))[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        standardised = np.where(spread > 0, residuals / spread, np.nan)
    there = np.isfinite(standardised)
    products = (np.nansum(standardised, axis=-2) ** 2).sum(axis=-1) - np.nansum(standardised**2, axis=(-2, -1))
    count = there.sum(axis=-2)
    pairs = (count * (count - 1)).sum(axis=-1)
    return np.asarray(np.clip(products / np.maximum(pairs, 1), 0.0, 1.0))


def judged(changes: Changes) -> Judged:
    """Each cell by itself (Student's t, with the variances that the changes have)."""
    return by_t(changes.difference, np.sqrt(changes.variance * changes.size), changes.dof)


def by_t(difference: Array, error: Array, dof: Array) -> Judged:
    """Differences with their standard errors, each known to ``dof`` degrees of freedom; NaN where it is not known."""
    known = np.isfinite(error) & np.isfinite(dof) & (dof > 0)
    certain = np.where(difference == 0, 0.0, np.inf)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.where(error > 0, np.abs(difference) / error, certain)
    p = np.where(known, 2 * special.stdtr(np.where(known, dof, 1.0), -np.where(known, t, 0.0)), 1.0)
    quantile = special.stdtrit(np.where(known, dof, 1.0), (1 + CONFIDENCE) / 2)
    margin = np.where(known, quantile * np.where(known, error, 1.0), np.inf)
    return Judged(difference, difference - margin, difference + margin, p, normal_deviate(p, difference))


def normal_deviate(p: Array, sign: Array) -> Array:
    """The standard normal deviate with this two-sided p-value and the sign of ``sign``."""
    return np.asarray(np.copysign(-special.ndtri(np.clip(p / 2, np.finfo(float).tiny, 0.5)), sign))


def contrasts(changes: Changes, weights: Array) -> Judged:
    """Weighted sums of cells' changes [..., contrasts], for ``weights`` [contrasts, cells] that each sum to zero.

    Their standard error takes cells for independent, or is what the seeds' own sums say, whichever is larger: what
    cells of one seed share cancels in a contrast, so independence errs on the safe side.
    """
    difference = np.nan_to_num(changes.difference) @ weights.T
    parts = (changes.variance * changes.size)[..., None, :] * weights**2
    parts = np.where(weights != 0, parts, 0.0)
    total = parts.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        dof = total**2 / np.where(weights != 0, parts**2 / changes.dof[..., None, :], 0.0).sum(axis=-1)
    own, own_dof = _of_seeds(changes, weights)
    variance = np.fmax(total, own)
    freedom = np.where(own > total, np.fmin(dof, own_dof), dof)
    return by_t(difference, np.sqrt(variance), np.where(own_dof >= FEWEST, freedom, np.nan))


def _of_seeds(changes: Changes, weights: Array) -> tuple[Array, Array]:
    """Variance of the contrasts' changes from the sums of each seed, and its degrees of freedom."""
    needed = (weights != 0).astype(np.float64)
    there = np.isfinite(changes.residuals)
    complete = np.einsum("ka,...as->...ks", needed, there.astype(np.float64)) == needed.sum(axis=-1)[:, None]
    sums = np.einsum("ka,...as->...ks", weights, np.where(there, changes.residuals, 0.0))
    counted = complete.sum(axis=-1)
    typical = np.einsum("ka,...a->...k", needed, np.nan_to_num(changes.size)) / needed.sum(axis=-1)
    dof = np.maximum(counted - changes.means, 0)
    squares = np.where(complete, sums**2, 0.0).sum(axis=-1)
    return np.where(dof > 0, squares / np.maximum(dof, 1) * typical, np.nan), dof.astype(np.float64)


def groups_against_rest(z: Array, groups: Mask, changes: Changes) -> Array:
    """Two-sided p-values [..., groups] that a group of cells moved no other way than the other cells.

    ``z`` [..., cells] are the cells' normal deviates, of which Stouffer's sum is taken, so that a noisy cell does not
    drown the others; ``groups`` [groups, cells] says which cells each group has. What all cells share cancels. If the
    cells of a group have more in common than that, their seeds show it, to as many degrees of freedom as there are
    seeds.
    """
    count = groups.sum(axis=-1)
    rest = z.shape[-1] - count
    weights = groups / count[:, None] - ~groups / np.maximum(rest, 1)[:, None]
    scale = np.sqrt((weights**2).sum(axis=-1))
    shift = (z @ weights.T) / scale
    ratio, dof = _inflation(changes, weights / scale[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):  # without seeds the ratio is infinite, and nothing is known
        freedom = np.where(ratio > 1, dof * (ratio / np.maximum(ratio - 1, 1e-9)) ** 2, np.inf)
    return _two_sided(shift / np.sqrt(ratio), freedom)


def all_together(z: Array, changes: Changes) -> Array:
    """Two-sided p-value [...] that the cells together did not move, whatever the seeds have in common.

    The noise of the sum is that of the seeds' own sums, or that of independent cells where that is larger, and is known
    to no more degrees of freedom than there are seeds.
    """
    cells = z.shape[-1]
    ratio, dof = _inflation(changes, np.full((1, cells), 1 / np.sqrt(cells)))
    return _two_sided(z.sum(axis=-1) / np.sqrt(cells * ratio[..., 0]), dof[..., 0])


def _inflation(changes: Changes, weights: Array) -> tuple[Array, Array]:
    """How much more the weighted sums [..., sums] vary over seeds than those of independent cells; at least 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = changes.residuals / np.sqrt(changes.variance)[..., None]
    standardised = np.where((changes.residuals == 0) & np.isfinite(changes.variance)[..., None], 0.0, scaled)
    there = np.asarray(np.isfinite(standardised).all(axis=-2))
    sums = np.einsum("ka,...as->...ks", weights, np.nan_to_num(standardised))
    dof = np.maximum(there.sum(axis=-1) - changes.means, 0).astype(np.float64)[..., None]
    squares = np.where(there[..., None, :], sums**2, 0.0).sum(axis=-1)
    ratio = np.where(dof > 0, squares / np.maximum(dof, 1), np.inf)
    return np.maximum(ratio, 1.0), np.broadcast_to(dof, ratio.shape)


def _two_sided(t: Array, dof: Array) -> Array:
    known = dof > 0
    return np.asarray(np.where(known, 2 * special.stdtr(np.where(known, np.minimum(dof, 1e9), 1.0), -np.abs(t)), 1.0))


def _variance(residuals: Array, dof: Array, least: float) -> Array:
    squares = np.nansum(residuals**2, axis=-1)
    return np.where(dof > 0, np.maximum(squares / np.maximum(dof, 1), least), np.nan)
