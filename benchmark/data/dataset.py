"""What training sees of a data set: three splits of tensors, and how training inputs are augmented."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""Changes a batch [B, *shape] at random into one of the same shape, on the same device; draws from a CPU generator."""


@dataclass(frozen=True)
class Split:
    """Examples and their classes, in a fixed order."""

    inputs: Tensor
    """float32 [N, *shape], normalised."""
    targets: Tensor
    """int64 [N], each from 0 to classes - 1."""


@dataclass(frozen=True)
class Dataset:
    """A data set as training and evaluation use it."""

    name: str
    train: Split
    validation: Split
    test: Split
    classes: int
    augment: Augment | None = None
    """Applied to training batches only; None where the input pipeline has no randomness."""


def hold_out_last(split: Split, fraction: float = 0.1) -> tuple[Split, Split]:
    """The first examples for training and the last ``fraction`` for validation, unshuffled as in the released code."""
    first = split.targets.numel() - int(fraction * split.targets.numel())
    return (
        Split(split.inputs[:first], split.targets[:first]),
        Split(split.inputs[first:], split.targets[first:]),
    )
