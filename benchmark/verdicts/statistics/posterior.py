"""What the true means of a setting's criteria may be, given their measured means and noise: draws by a Gibbs sampler.

A flat prior would take every measured lead at face value, so among equal criteria one of them would be "better with
probability .95" in one setting of ten. Here the criteria of a setting scatter around a level ``m`` by normal
distributions of several widths, from far below the noise to far above it, and how often each width occurs is learnt
from all settings together (after M. Stephens, "False discovery rates: a new deal", Biostatistics 18, 2017).
"""

from dataclasses import dataclass

import numpy as np

from benchmark.verdicts.statistics.arrays import Array, Mask

WIDTHS = np.array([0.25, 1.0, 3.0, 10.0, 40.0, 150.0])
"""Standard deviations of the prior, in median standard errors of the setting's means."""
CONCENTRATION = np.array([1.0, 0.5, 0.5, 0.5, 0.5, 0.5])
"""Of the Dirichlet prior on how often each width occurs; twice as much for "no difference that seeds could show"."""
SWEEPS = 2_500
BURN_IN = 500
SEED = 20_230_621
"""Of the random stream: the same results always have the same standing."""


@dataclass(frozen=True)
class Measured:
    """Settings [families, settings, criteria] with measured means; those of one family share their widths."""

    mean: Array
    variance: Array
    """Of the mean, as estimated."""
    dof: Array
    """Degrees of freedom of the variances [families, settings]."""
    present: Mask


def draws(measured: Measured, *, sweeps: int = SWEEPS, burn_in: int = BURN_IN, seed: int = SEED) -> Array:
    """Draws of the true means [sweeps - burn_in, families, settings, criteria]; what is not there is minus infinity."""
    generator = np.random.default_rng(seed)
    present = measured.present & np.isfinite(measured.variance)
    mean = np.where(present, measured.mean, 0.0)
    estimated = np.where(present, measured.variance, 1.0)
    dof = np.where(np.isfinite(measured.dof), measured.dof, 1.0)[..., None]
    widths = (_typical_error(estimated, present)[..., None, None] * WIDTHS) ** 2  # [families, settings, 1, widths]
    level = _weighted_mean(mean, np.where(present, 1 / estimated, 0.0))[0]
    weights = np.broadcast_to(CONCENTRATION / CONCENTRATION.sum(), (mean.shape[0], len(WIDTHS)))
    # The truth of each variance, given how few seeds it was estimated from; it does not depend on the means.
    variances = estimated * dof / generator.chisquare(np.broadcast_to(dof, mean.shape), size=(sweeps, *mean.shape))
    uniforms, normals = generator.random(variances.shape), generator.standard_normal(variances.shape)
    kept = np.empty((sweeps - burn_in, *mean.shape))
    for sweep, variance in enumerate(variances):
        deviation = mean - level[..., None]
        width = _drawn_widths(uniforms[sweep], deviation**2, variance[..., None] + widths, weights)
        counted = (width & present[..., None]).sum(axis=(1, 2))
        gammas = generator.standard_gamma(CONCENTRATION + counted)
        weights = gammas / gammas.sum(axis=-1, keepdims=True)
        between = (width * widths).sum(axis=-1)
        centre, error = _weighted_mean(mean, present / (variance + between))
        level = centre + error * generator.standard_normal(centre.shape)
        if sweep >= burn_in:
            shrinkage = between / (between + variance)
            true = level[..., None] + shrinkage * (mean - level[..., None])
            true += np.sqrt(shrinkage * variance) * normals[sweep]
            kept[sweep - burn_in] = np.where(present, true, -np.inf)
    return kept


def _drawn_widths(uniform: Array, squares: Array, variances: Array, weights: Array) -> Mask:
    """Which of the widths each criterion's deviation comes from [..., widths], given its square and its variances."""
    logs = -0.5 * (np.log(variances) + squares[..., None] / variances)
    likely = weights[:, None, None, :] * np.exp(logs - logs.max(axis=-1, keepdims=True))
    steps = np.cumsum(likely, axis=-1)
    index = (uniform[..., None] * steps[..., -1:] > steps[..., :-1]).sum(axis=-1)
    return np.asarray(index[..., None] == np.arange(len(WIDTHS)))


def _typical_error(variance: Array, present: Mask) -> Array:
    """The median standard error of each setting's means [families, settings]."""
    errors = np.sort(np.where(present, np.sqrt(variance), np.inf), axis=-1)
    counts = np.maximum(present.sum(axis=-1), 1)
    low, high = ((counts - 1) // 2)[..., None], (counts // 2)[..., None]
    middle = (np.take_along_axis(errors, low, -1) + np.take_along_axis(errors, high, -1))[..., 0] / 2
    return np.asarray(np.where(np.isfinite(middle), middle, 1.0))


def _weighted_mean(values: Array, weights: Array) -> tuple[Array, Array]:
    """Mean over the last axis and its standard error, for weights that are reciprocal variances."""
    total = np.maximum(weights.sum(axis=-1), 1e-300)
    return (values * weights).sum(axis=-1) / total, np.minimum(np.sqrt(1 / total), 1e6)
