"""The number of threads in which PyTorch computes, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let PyTorch compute in ``count`` threads within the block, and in as many as before after it."""
    before = torch.get_num_threads()
    _set(count)
    try:
        yield
    finally:
        _set(before)


def _set(count: int) -> None:
    if torch.get_num_threads() != count:  # setting it also changes how MKL shares work out
        torch.set_num_threads(count)
