"""Holm's correction for many comparisons, for whole arrays of families at once.

``statsmodels.stats.multitest.multipletests(method="holm")`` gives the same for one family, and a test holds the two
together; importing it takes more than a second of CPU, which is longer than the commands that ask may take.
"""

import numpy as np

from benchmark.verdicts.statistics.arrays import Array


def holm(p: Array) -> Array:
    """Adjusted p-values of families [..., comparisons]: all below α together err less than α of the time.

    Holds however the comparisons depend on each other; NaN stands for a comparison that is not there and stays NaN.
    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6
    (1979).
    """
    order = np.argsort(p, axis=-1, kind="stable")  # NaN comes last
    count = np.isfinite(p).sum(axis=-1, keepdims=True)
    factors = np.maximum(count - np.arange(p.shape[-1]), 1)
    ordered = np.take_along_axis(p, order, axis=-1)
    stepped = np.fmin(np.maximum.accumulate(np.where(np.isnan(ordered), -np.inf, ordered * factors), axis=-1), 1.0)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, stepped, axis=-1)
    return np.where(np.isfinite(p), adjusted, np.nan)
