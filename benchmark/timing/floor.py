"""The arithmetic floor: what some floating-point operations take where a device computes as fast as it can."""

from collections.abc import Callable

import torch

from benchmark.timing.comparison import stopwatch

SIZE = {"cpu": 2048, "cuda": 8192}
"""Rows of the square matrices whose product says how fast the device multiplies."""
PRODUCTS = 3
"""Products that are timed at a time."""


def floor(flops: int, device: torch.device) -> Callable[[], float]:
    """A way that times large dense products, and gives the seconds that so many FLOPs would take at their rate."""
    size = SIZE[device.type]
    left, right = torch.randn(2, size, size, device=device)
    share = flops / (2 * size**3)
    multiply = stopwatch(lambda: [left @ right for _ in range(PRODUCTS)], device)
    multiply()
    return lambda: multiply() / PRODUCTS * share
