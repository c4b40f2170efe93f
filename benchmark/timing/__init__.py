"""How fast the parts of the project are, each compared with a rival that is timed beside it.

A comparison is a ratio of two times that were measured in turn in one process, so a slow or busy machine changes
both. Nothing here passes or fails.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from benchmark.timing.comparison import Comparisons

PARTS = ("training", "engines", "kernels", "topology", "own_loop", "contract", "startup")
"""Each is a module of this package whose function ``comparisons(device, data_dir)`` gives its lines of the table."""


def comparisons_of(part: str, device: "torch.device", data_dir: Path | None) -> "Comparisons":
    """The comparisons of one of :data:`PARTS`, which is imported for it, as they are timed one after another."""
    found: Comparisons = import_module(f"benchmark.timing.{part}").comparisons(device, data_dir)
    return found
