"""What every pair of criteria differs by within a setting, paired by seed, and how noisy each criterion is by itself.

A panel is an array [..., settings, criteria, seeds] of percent. NaN stands for a criterion that a setting does not have
(for all seeds) and for a seed that it does not have (for all criteria): the seeds are those that its criteria share.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from benchmark.verdicts.statistics.arrays import Array, Mask, means
from benchmark.verdicts.statistics.moderated import moderate_pairs

RAISES = 50
"""How often noise may be raised until no pair is sharper than its interval; a few times are enough."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of criteria [..., settings, criteria, criteria] of a panel; NaN where a criterion is not there."""

    present: Mask
    """[..., settings, criteria]."""
    n: Array
    """Seeds that a setting's criteria share [..., settings]."""
    mean: Array
    """[..., settings, criteria]."""
    variance: Array
    """Of one seed's difference between two criteria, moderated; NaN where a setting has but one seed."""
    dof: Array
    """Degrees of freedom that it is known to [..., settings]; NaN where a setting has but one seed."""


def pairs(panel: Array, grain: Array | float) -> Pairs:
    """The pairs of a panel whose values are multiples of ``grain``, a number or [..., settings].

    The variances of all pairs in all settings are moderated together. Rounding alone gives a difference the variance
    grain² / 6, so no variance is below it: three seeds that happen to differ by the same amount would otherwise show
    something out of nothing.
    """
    seeds = np.isfinite(panel)
    present = np.asarray(seeds.any(axis=-1))
    n = np.asarray(seeds.any(axis=-2)).sum(axis=-1)
    mean = means(panel)
    centred = np.nan_to_num(panel - mean[..., None])
    squares = np.sum((centred[..., :, None, :] - centred[..., None, :, :]) ** 2, axis=-1)
    both = present[..., :, None] & present[..., None, :] & (n >= 2)[..., None, None]
    own_dof = np.broadcast_to(np.maximum(n - 1, 0)[..., None, None], squares.shape)
    floor = (np.broadcast_to(grain, n.shape) ** 2 / 6)[..., None, None]
    measured = np.where(both, np.maximum(squares / np.maximum(own_dof, 1), floor), np.nan)

    first, second = np.triu_indices(panel.shape[-2], 1)
    upper, upper_dof = measured[..., first, second], own_dof[..., first, second].astype(np.float64)
    criteria = present.sum(axis=-1)
    independent = np.sum(np.maximum(criteria - 1, 0) * np.maximum(n - 1, 0), axis=-1)
    moderated = moderate_pairs(upper, upper_dof, independent.astype(np.float64))
    variance = np.full_like(measured, np.nan)
    variance[..., first, second] = moderated.variance
    variance[..., second, first] = variance[..., first, second]
    variance = np.where(both, variance, np.nan)
    dof = np.where(both[..., first, second], moderated.dof, -np.inf).max(axis=-1, initial=-np.inf)
    return Pairs(present, n.astype(np.float64), mean, variance, np.where(np.isfinite(dof), dof, np.nan))


def own_variances(panel: Array, found: Pairs) -> Array:
    """Each criterion's share of the noise of the pairs that it is in [..., settings, criteria], per seed.

    The variance of a pair is shared by the two criteria in proportion to how far their own results scatter over the
    seeds; a criterion's share is the median over its pairs. It is raised until the shares of no pair are together below
    the pair's variance, so that nothing said from the shares is sharper than the pair's interval.
    """
    between = found.variance
    scatter = np.nan_to_num(panel - found.mean[..., None])
    scatter = (scatter**2).sum(axis=-1)
    scatter = np.where(found.present, scatter, 0.0) + 1e-9  # two criteria without any scatter share equally
    fraction = scatter[..., :, None] / (scatter[..., :, None] + scatter[..., None, :])
    shares = _median(between * fraction)
    for _ in range(RAISES):
        together = shares[..., :, None] + shares[..., None, :]
        with np.errstate(invalid="ignore"):
            lacking = np.where(np.isfinite(between), between / together, 1.0).max(axis=-1, initial=1.0)
        if (lacking <= 1 + 1e-9).all():
            break
        shares = shares * lacking
    return np.asarray(np.where(found.present & np.isfinite(shares), shares, np.nan))


def _median(values: Array) -> Array:
    """The median over the last axis of what is not NaN; NaN where nothing is, of which nobody needs to be warned."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
        return np.asarray(np.nanmedian(values, axis=-1))
