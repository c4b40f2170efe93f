"""What products are computed in: a named setting, since it moves results."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from benchmark.experiments.setup import Precision


@contextmanager
def computing_in(precision: Precision, device: torch.device) -> Iterator[None]:
    """Compute what is inside in this precision; ``float32`` means it, though torch lets a GPU convolve in TF32."""
    products: tuple[Any, ...] = ()
    if device.type != "cpu":  # a step of a small network on a CPU is as short as a dozen of these settings
        products = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)  # type: ignore[attr-defined]
    before = [each.fp32_precision for each in products]
    try:
        for each in products:
            each.fp32_precision = "tf32" if precision == "tf32" else "ieee"
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            yield
    finally:
        for each, value in zip(products, before, strict=True):
            each.fp32_precision = value
