"""An examination of a data set that was loaded: whether it is what it says of itself, and what networks can learn."""

import torch
from torch import Tensor

from benchmark.data.dataset import Dataset, Split
from benchmark.data.source import Look
from benchmark.system.seeding import seed_numpy_and_python
from criteria.isolation import kept_process_state

CPU = torch.device("cpu")
PARTS = ("train", "validation", "test")
SEEN = 2
"""Examples of each split that are looked at as networks see them."""
AUGMENTED = 8
"""Training examples that are augmented, and how often."""


def problem_of(dataset: object, look: Look) -> str | None:
    """What a loaded data set cannot be used for, in words; None where all is well.

    Inputs are examined where they are stored as networks see them; of others the first ones are decoded. Raises
    :class:`criteria.errors.PluginError` where ``decode`` or ``augment`` fails or gives something else than it should.
    """
    if not isinstance(dataset, Dataset):
        return f"load() gives a {type(dataset).__name__}, and should give a Dataset"
    if dataset.classes != look.classes:
        return f"has {dataset.classes} classes, and its look says {look.classes}"
    for part in PARTS:
        if (problem := _problem_of_split(getattr(dataset, part), dataset)) is not None:
            return f"{part}: {problem}"
    return _problem_of_numbers(dataset, look) or _problem_of_shapes(dataset, look) or _problem_of_draws(dataset)


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


def _problem_of_numbers(dataset: Dataset, look: Look) -> str | None:
    for what, split, expected in (("training", dataset.train, look.examples), ("test", dataset.test, look.tested)):
        if expected is not None and (found := split.targets.numel()) != expected:
            return f"has {found} {what} examples, and its look says {expected}"
    return None


def _problem_of_shapes(dataset: Dataset, look: Look) -> str | None:
    """What is wrong with the first examples as networks see them, and with training examples that are augmented."""
    for part in PARTS:
        stored = getattr(dataset, part).inputs[:SEEN]
        if (problem := _problem_of_seen(dataset, stored, look)) is not None:
            return f"{part}: {problem}"
    if dataset.augment is None:
        return None
    changed = dataset.augmented(dataset.train.inputs[:SEEN].clone(), torch.Generator())
    problem = _problem_of_seen(dataset, changed, look)
    return None if problem is None else f"train, augmented: {problem}"


def _problem_of_seen(dataset: Dataset, stored: Tensor, look: Look) -> str | None:
    seen = dataset.seen(stored, CPU)
    if (shape := tuple(seen.shape[1:])) != look.shape:
        return f"has inputs of shape {shape}, and its look says {look.shape}"
    return None if seen.isfinite().all() else "inputs are not all finite numbers"


def _problem_of_draws(dataset: Dataset) -> str | None:
    """Whether augmentation draws from anything but its generator: then the same run would not be the same again."""
    if dataset.augment is None:
        return None
    found = []
    for seed in range(AUGMENTED):
        with kept_process_state():
            torch.default_generator.manual_seed(seed)  # that of GPUs stays as it is
            seed_numpy_and_python(seed)
            stored = dataset.train.inputs[:AUGMENTED].clone()
            found.append(dataset.augmented(stored, torch.Generator().manual_seed(0)))
    if all(torch.equal(_bits(found[0]), _bits(each)) for each in found):
        return None
    return "augment() gives other results for a generator of the same seed; all that it draws must come from that one"


def _bits(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous().view(torch.uint8)


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
