"""Memory that compiled code reads in whole vectors: it begins at a line of the cache.

A vector of float32 is as long as a line, and one that lies across two takes twice the time.
"""

import numpy as np

from benchmark.training.engines.sparse.stepping import Numbers

LINE = 64
"""Bytes of a line of the cache."""


def aligned(size: int, dtype: np.dtype[np.floating]) -> Numbers:
    """So many numbers, whatever was there before."""
    found = np.empty(size * dtype.itemsize + LINE, np.uint8)
    first = -found.ctypes.data % LINE
    return found[first : first + size * dtype.itemsize].view(dtype)


def aligned_zeros(size: int, dtype: np.dtype[np.floating]) -> Numbers:
    """So many zeros."""
    found = aligned(size, dtype)
    found[:] = 0
    return found
