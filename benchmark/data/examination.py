"""An examination of a data set that was loaded: whether it is what it says of itself, and what networks can learn."""

import torch
from torch import Tensor

from benchmark.data.dataset import Dataset, Split
from benchmark.data.source import Look


def problem_of(dataset: object, look: Look) -> str | None:
    """What a loaded data set cannot be used for, in words; None where all is well.

    Inputs are examined where they are stored as networks see them; others only by their number and their shape.
    """
    if not isinstance(dataset, Dataset):
        return f"load() gives a {type(dataset).__name__}, and should give a Dataset"
    if dataset.classes != look.classes:
        return f"has {dataset.classes} classes, and its look says {look.classes}"
    for part in ("train", "validation", "test"):
        if (problem := _problem_of_split(getattr(dataset, part), dataset)) is not None:
            return f"{part}: {problem}"
    return (
        None if dataset.shape == look.shape else f"has inputs of shape {dataset.shape}, and its look says {look.shape}"
    )


def _problem_of_split(split: Split, dataset: Dataset) -> str | None:
    for part, tensor in vars(split).items():
        if not isinstance(tensor, Tensor):
            return f"{part} are a {type(tensor).__name__}, and should be a tensor"
    inputs, targets = split.inputs, split.targets
    if targets.dtype != torch.int64 or targets.dim() != 1:
        return f"targets are {_kind(targets)} {list(targets.shape)}, and should be int64 [examples]"
    if not len(inputs) == len(targets) > 0:
        return f"has {len(inputs)} inputs and {len(targets)} targets, and should have as many, and some"
    if (low := int(targets.min())) < 0 or (high := int(targets.max())) >= dataset.classes:
        return f"has target {low if low < 0 else high}; of {dataset.classes} classes the last is {dataset.classes - 1}"
    if dataset.decode is not None:
        return None
    if inputs.dtype != torch.float32:
        return f"inputs are {_kind(inputs)}, and should be float32, or the data set should have a decode"
    return None if inputs.isfinite().all() else "inputs are not all finite numbers"


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
