"""Differences between means that are known by their mean, standard deviation and number of seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array: TypeAlias = NDArray[np.float64]

CONFIDENCE = 0.95
"""Level of the intervals."""


@dataclass(frozen=True)
class Summary:
    """A mean of ``n`` seeds and their sample standard deviation (n - 1 in the denominator; None if it is not known)."""

    mean: float
    std: float | None
    n: int

    @property
    def without_n(self) -> str:
        """Mean and standard deviation as text."""
        return f"{self.mean:.2f}" if self.std is None else f"{self.mean:.2f} ± {self.std:.2f}"

    def __str__(self) -> str:
        return f"{self.without_n} ({self.n})"


@dataclass(frozen=True)
class Differences:
    """Second mean minus first, each field an array [pairs]."""

    difference: Array
    low: Array
    """Lower end of the interval; minus infinity if no spread is known."""
    high: Array
    p: Array
    """Two-sided p-value of no difference."""
    z: Array
    """The difference as a standard normal deviate: the same p-value, with its sign."""


def differences(first: Sequence[Summary], second: Sequence[Summary]) -> Differences:
    """Welch's t-test and interval of each pair (Welch, 1947); never NaN.

    A side without a spread of its own (one seed, or none printed) is taken to have the other side's. If neither side
    has one, both are taken to be as noisy as the noisiest side of all pairs, since an average would call noisy pairs
    different. If no spread is known of any pair, the interval has no end and p is 1. Two sides without any variance
    differ with p = 0, unless they are equal.
    """
    mean1, std1, n1 = _columns(first)
    mean2, std2, n2 = _columns(second)
    known1, known2 = np.isfinite(std1), np.isfinite(std2)
    noisiest, noisiest_dof = _noisiest(np.concatenate([std1, std2]), np.concatenate([n1, n2]))
    variance1 = np.where(known1, std1, np.where(known2, std2, noisiest)) ** 2 / n1
    variance2 = np.where(known2, std2, np.where(known1, std1, noisiest)) ** 2 / n2
    variance = variance1 + variance2

    measurable = np.isfinite(variance) & (variance > 0)
    share1 = np.divide(variance1, variance, out=np.full_like(variance, 0.5), where=measurable)
    with np.errstate(divide="ignore"):  # one seed has no degree of freedom; its side is not chosen below
        welch = 1 / (share1**2 / (n1 - 1) + (1 - share1) ** 2 / (n2 - 1))
    dof = np.select([known1 & known2, known1, known2], [welch, n1 - 1, n2 - 1], noisiest_dof)

    difference = mean2 - mean1
    error = np.sqrt(variance)
    certain = np.where(difference == 0, 0.0, np.copysign(np.inf, difference))
    t = np.divide(difference, error, out=certain, where=error > 0)
    # The functions of scipy.special are those behind scipy.stats, which takes a second longer to import.
    p = 2 * special.stdtr(dof, -np.abs(t))
    margin = special.stdtrit(dof, (1 + CONFIDENCE) / 2) * error
    z = np.copysign(special.ndtri(np.maximum(p / 2, np.finfo(float).tiny)), t)  # finite also if p is 0
    return Differences(difference, difference - margin, difference + margin, p, z)


def _columns(summaries: Sequence[Summary]) -> tuple[Array, Array, Array]:
    """Mean, standard deviation (NaN if it is not known) and n, each [pairs]."""
    rows: Any = [(s.mean, np.nan if s.std is None else s.std, s.n) for s in summaries]
    mean, std, n = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return mean, std, n


def _noisiest(std: Array, n: Array) -> tuple[float, float]:
    """The largest standard deviation that is known and its degrees of freedom; infinite and 1 if none is known."""
    if not np.isfinite(std).any():
        return np.inf, 1.0
    largest = np.nanmax(std)
    return float(largest), float(n[std == largest].min() - 1)
