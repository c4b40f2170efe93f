"""How many steps back a gradient still counts for the momentum of a weight that grows, and what may be kept of them."""

import math

import numpy as np

NEGLIGIBLE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-16}
"""What a step weighs that is forgotten, beside the last one: about the rounding of a gradient."""

LARGEST_TRAIL = 2**30
"""Bytes that the weights of one network with convolutions may take in these steps."""


def has_room(weights: int, steps: int, dtype: np.dtype[np.floating]) -> bool:
    """Whether so many weights of a network may be recorded in so many steps."""
    return weights * steps * dtype.itemsize <= LARGEST_TRAIL


def steps_that_count(momentum: float, dtype: np.dtype[np.floating]) -> int:
    """How many steps are remembered; none without momentum."""
    return math.ceil(math.log(NEGLIGIBLE[dtype]) / math.log(momentum)) if momentum > 0 else 0
