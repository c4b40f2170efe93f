"""Synthetic data: noise of the shape and range of a real data set, for trying things out where that is not at hand."""

from dataclasses import dataclass
from pathlib import Path

import torch

from benchmark.data.dataset import Dataset, Split
from criteria.errors import InputError
from criteria.plugins import unknown
from criteria.randomness import stream


@dataclass(frozen=True)
class Look:
    """What a data set looks like to a network."""

    shape: tuple[int, ...]
    """Of one input."""
    classes: int
    examples: int
    """Number of training examples."""
    low: float
    high: float
    """About the lowest and the highest value of an input, normalised as the data set is."""


LOOKS = {
    "cifar10": Look((3, 32, 32), 10, 45_000, -2.4, 2.8),
    "cifar100": Look((3, 32, 32), 100, 50_000, -1.9, 2.0),
    "digits": Look((64,), 10, 1_212, -0.82, 1.9),
    "fashion_mnist": Look((1, 28, 28), 10, 54_000, -1.0, 1.0),
    "higgs": Look((24,), 2, 658_112, -3.0, 10.0),
    "imagenet": Look((3, 224, 224), 1000, 1_281_167, -2.1, 2.6),
    "tinyimagenet": Look((3, 64, 64), 200, 100_000, -2.1, 2.6),
}


def look_of(data: str) -> Look:
    """How the data set ``data`` looks; raises :class:`InputError` where that is not known."""
    if data not in LOOKS:
        raise unknown("data set to look like", data, LOOKS)
    return LOOKS[data]


def load(root: Path, like: str, examples: int = 1000) -> Dataset:  # noqa: ARG001
    """Uniform noise that looks like the data set ``like``, with classes that have nothing to do with it.

    ``examples`` for training, and half as many, but at least one, each for validation and test.
    """
    if not isinstance(examples, int) or examples < 1:
        raise InputError(f"synthetic data: examples must be a positive whole number, not {examples!r}")
    look = look_of(like)
    held_out = max(1, examples // 2)
    train, validation, test = (
        _noise(look, count, part) for part, count in (("train", examples), ("validation", held_out), ("test", held_out))
    )
    return Dataset("synthetic", train, validation, test, look.classes)


def _noise(look: Look, count: int, part: str) -> Split:
    generator = stream(0, "synthetic", part)
    inputs = torch.rand(count, *look.shape, generator=generator) * (look.high - look.low) + look.low
    return Split(inputs, torch.randint(look.classes, (count,), generator=generator))
