"""A clock that compiled code reads, for who measures where the time of a step goes."""

import time

import numpy as np
from numba import types

from benchmark.training.engines.sparse.compiling import compiled

_read = types.ExternalFunction("clock_gettime", types.intc(types.intc, types.CPointer(types.int64)))
_MONOTONIC = time.CLOCK_MONOTONIC
NANOSECOND = 1e-9


@compiled
def clock() -> float:
    """Seconds since some moment."""
    found = np.empty(2, np.int64)
    _read(_MONOTONIC, found.ctypes)
    seconds: float = found[0] + NANOSECOND * found[1]
    return seconds
