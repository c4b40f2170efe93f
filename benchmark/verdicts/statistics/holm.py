"""Holm's correction for many comparisons.

statsmodels has it too, but imports pandas and scipy.stats, which takes a second longer than a whole check.
"""

import numpy as np

from benchmark.verdicts.statistics.differences import Array


def holm(p: Array) -> Array:
    """Adjusted p-values [comparisons]: all below α together err less than α of the time (Holm, 1979).

    This is true whatever the dependence between the comparisons.
    """
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted
