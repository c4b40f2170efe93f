"""Synthetic data: noise of the shape and range of a real data set, for trying things out where that is not at hand."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.source import DataSource, Look
from criteria.plugins import Spec, load, names, unknown

if TYPE_CHECKING:
    from benchmark.data.dataset import Dataset, Split


@dataclass(frozen=True)
class Synthetic(DataSource):
    """Uniform noise that looks like the data set ``like``, with classes that have nothing to do with it."""

    like: str
    """Name of the data set, with its parameters if it has any."""
    examples: int = 1000
    """For training, and half as many, but at least one, each for validation and test."""

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise ValueError(f"examples must be a positive whole number, not {self.examples!r}")
        if Spec.parse(self.like).name not in _real():
            raise unknown("data set to look like", Spec.parse(self.like).name, _real())

    @property
    def look(self) -> Look:
        return replace(self.real.look, examples=self.examples, tested=self.held_out)

    @property
    def held_out(self) -> int:
        """Number of validation examples, and of test examples."""
        return max(1, self.examples // 2)

    @property
    def real(self) -> DataSource:
        """The data set that these look like."""
        source: DataSource = load(self.like, "data")
        return source

    def load(self, root: Path) -> "Dataset":  # noqa: ARG002
        from benchmark.data.dataset import Dataset

        look = self.look
        counts = {"train": self.examples, "validation": self.held_out, "test": self.held_out}
        train, validation, test = (_noise(look, count, part) for part, count in counts.items())
        return Dataset("synthetic", train, validation, test, look.classes)


def _real() -> list[str]:
    return [name for name in names("data") if name != "synthetic"]


def _noise(look: Look, count: int, part: str) -> "Split":
    import torch

    from benchmark.data.dataset import Split
    from criteria.randomness import stream

    generator = stream(0, "synthetic", part)
    inputs = torch.rand(count, *look.shape, generator=generator) * (look.high - look.low) + look.low
    return Split(inputs, torch.randint(look.classes, (count,), generator=generator))
