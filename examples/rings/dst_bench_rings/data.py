"""Rings: points around one centre, of which the distance tells the class."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data import DataSource, Look

if TYPE_CHECKING:  # these need torch, and listing data sets stays quick without it
    from torch import Generator, Tensor

    from benchmark.data import Dataset, Split

FEATURES = 32
HELD_OUT = 1000
"""Examples for validation, and as many for the test."""


@dataclass(frozen=True)
class Rings(DataSource):
    """Rings in a plane that 32 features see from different sides; which ring a point is on is its class."""

    classes: int = 4
    examples: int = 2000
    noise: float = 0.15
    """Standard deviation of what is added to each coordinate, where two rings are 1 apart."""

    def __post_init__(self) -> None:
        if self.classes < 2 or self.examples < 1 or self.noise < 0:
            raise ValueError("takes 2 classes or more, 1 example or more, and a noise that is not below 0")

    @property
    def look(self) -> Look:
        reach = 2 + 6 * self.noise / self.classes
        return Look((FEATURES,), self.classes, self.examples, -reach, reach)

    def load(self, root: Path) -> "Dataset":  # noqa: ARG002
        """Inputs [N, 32], made anew from fixed seeds; the folder ``root`` is not used."""
        import torch

        from benchmark.data import Dataset

        view = torch.randn(2, FEATURES, generator=torch.Generator().manual_seed(0))
        view /= view.norm(dim=0)
        train, validation, test = (
            self._part(view, count, torch.Generator().manual_seed(seed))
            for seed, count in enumerate((self.examples, HELD_OUT, HELD_OUT), start=1)
        )
        return Dataset("rings", train, validation, test, self.classes)

    def _part(self, view: "Tensor", count: int, generator: "Generator") -> "Split":
        import torch

        from benchmark.data import Split

        targets = torch.randint(self.classes, (count,), generator=generator)
        angle = torch.rand(count, generator=generator) * 2 * torch.pi
        points = torch.stack([angle.cos(), angle.sin()], 1) * (targets + 1).unsqueeze(1)
        points += torch.randn(points.shape, generator=generator) * self.noise
        return Split(points @ view * 2 / self.classes, targets)
