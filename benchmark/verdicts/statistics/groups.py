"""The test of whether a group of cells moved together, which a single cell may be too noisy to show.

Runs with one seed share initial weights and batch order, so their cells rise and fall together: with the authors' code
on Fashion-MNIST two cells correlate by 0.4 over the seeds. A pooled test that takes cells for independent would fail
more than five honest reruns in a hundred, and one is promised; ``seed_correlation`` measures what it would miss.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmark.verdicts.statistics.differences import Array

Group = NDArray[np.intp]
"""Indices of a group's cells."""


def seed_residuals(cells: Sequence[Mapping[int, float]]) -> Array:
    """Each seed's deviation from its cell's mean, [cells, seeds]; NaN if a cell has not run with a seed."""
    seeds = {seed: column for column, seed in enumerate(sorted(set().union(*cells)))}
    values = np.full((len(cells), len(seeds)), np.nan)
    for row, cell in enumerate(cells):
        values[row, [seeds[seed] for seed in cell]] = list(cell.values())
    counts = np.maximum(np.isfinite(values).sum(axis=1, keepdims=True), 1)
    return np.asarray(values - np.nansum(values, axis=1, keepdims=True) / counts)


def seed_correlation(residuals: Array, groups: Sequence[Group]) -> float:
    """Mean correlation over seeds between two cells of one group, between 0 and 1.

    ``residuals`` is [cells, seeds]; seeds of separate sides are separate columns. Cells that do not vary are left out.
    """
    counts = np.isfinite(residuals).sum(axis=1)
    spread = np.sqrt(np.nansum(residuals**2, axis=1) / np.maximum(counts, 1))
    varies = spread > 0
    products, pairs = 0.0, 0.0
    for group in groups:
        cells = group[varies[group]]
        standardised = residuals[cells] / spread[cells, None]
        present = np.isfinite(standardised).sum(axis=0)
        products += float((np.nansum(standardised, axis=0) ** 2).sum() - np.nansum(standardised**2))
        pairs += float((present**2 - present).sum())
    return min(max(products / pairs, 0.0), 1.0) if pairs else 0.0


def moved(z: Array, groups: Sequence[Group], correlation: float, dof: float) -> Array:
    """Two-sided p-value per group that its cells did not move, from the cells' normal deviates ``z`` [cells].

    Stouffer's sum of deviates, whose variance for k cells of equal correlation ρ is k + k(k - 1)ρ. The part of it that
    comes from ρ is only known to ``dof`` degrees of freedom, so the sum is referred to a t distribution with
    Satterthwaite's degrees of freedom; it is normal for ρ = 0. Each cell counts by how clearly it moved, not by how
    many points, so that a noisy cell does not drown the others.
    """
    sizes = np.array([len(group) for group in groups], dtype=np.float64)
    sums = np.array([z[group].sum() for group in groups], dtype=np.float64)
    inflation = 1 + (sizes - 1) * correlation
    statistic = sums / np.sqrt(sizes * inflation)
    if correlation == 0:
        return np.asarray(2 * special.ndtr(-np.abs(statistic)))
    return np.asarray(2 * special.stdtr(dof * (inflation / (sizes * correlation)) ** 2, -np.abs(statistic)))
