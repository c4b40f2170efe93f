"""The types of arrays that the statistics take, and their means where some numbers are not there."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]


def counts(values: Array) -> Array:
    """How many numbers of the last axis are there: NaN stands for one that is not."""
    return np.asarray(np.isfinite(values).sum(axis=-1), dtype=np.float64)


def means(values: Array) -> Array:
    """The mean over the last axis of what is there; NaN where nothing is."""
    number = counts(values)
    return np.asarray(np.where(number > 0, np.nansum(values, axis=-1) / np.maximum(number, 1), np.nan))
