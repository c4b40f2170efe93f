"""What a device does at best: large products and copies, which everything else is a share of."""

import torch

from benchmark.experiments.setup import Precision
from benchmark.timing.comparison import stopwatch
from benchmark.training.precision import computing_in

SIZE = {"cpu": 1024, "cuda": 8192}
"""Rows of the square matrices."""
BYTES = {"cpu": 2**26, "cuda": 2**31}
TIMES = 5


def products_per_second(precision: Precision, device: torch.device) -> float:
    """Floating-point operations per second of one large matrix product in a precision."""
    size = SIZE[device.type]
    left, right = torch.randn(2, size, size, device=device)

    def multiply() -> None:
        with computing_in(precision, device):
            for _ in range(TIMES):
                torch.matmul(left, right)

    multiply()
    return TIMES * 2 * size**3 / stopwatch(multiply, device)()


def copied_per_second(device: torch.device) -> float:
    """Bytes read and written per second where a tensor is copied on the device."""
    source = torch.zeros(BYTES[device.type], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)

    def copy() -> None:
        for _ in range(TIMES):
            target.copy_(source)

    copy()
    return TIMES * 2 * source.numel() / stopwatch(copy, device)()
