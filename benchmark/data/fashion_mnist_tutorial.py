"""The part of Fashion-MNIST that the SET group's tutorial trains on: 5,000 images, tested on 1,000."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.fashion_mnist import files_folder, read_idx
from benchmark.data.source import DataSource, Look
from criteria.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from benchmark.data.dataset import Dataset, Split

SEED = 0
"""Of the shuffle that chooses the images."""


@dataclass(frozen=True)
class FashionMNISTTutorial(DataSource):
    """Fashion-MNIST: the 5,000 training and 1,000 test images of the SET group's tutorial (Truly-Sparse-Training)."""

    training: int = 5_000
    """Number of training images."""
    test: int = 1_000
    """Number of test images, and of validation images too."""

    def __post_init__(self) -> None:
        if not (isinstance(self.training, int) and isinstance(self.test, int) and self.training > 0 < self.test):
            raise InputError(f"training and test must be numbers of images, not {self.training!r} and {self.test!r}")

    @property
    def look(self) -> Look:
        return Look((1, 28, 28), 10, self.training, 0.0, 1.0, self.test)

    def load(self, root: Path) -> "Dataset":
        """Inputs [N, 1, 28, 28] from 0 to 1, no augmentation, from the files that ``fashion_mnist`` reads.

        The training images are the first ones of all 60,000 shuffled with numpy's legacy generator and seed 0, the test
        images the first ones of the 10,000 that the same generator shuffles next. The tutorial has no validation set;
        the training images that follow in the shuffled order are one here, by which nothing is chosen. Its own file of
        images was not at hand: that it is in the official order is an assumption.
        """
        import numpy as np

        from benchmark.data.dataset import Dataset

        folder, generator = files_folder(root), np.random.RandomState(SEED)
        train, test = (_shuffled(folder, part, generator) for part in ("train", "t10k"))
        if len(train[0].targets) < self.training + self.test or len(test[0].targets) < self.test:
            raise InputError(
                f"training={self.training} and test={self.test} are too many: there are {len(train[0].targets)} images "
                f"for training and validation and {len(test[0].targets)} for tests"
            )
        end = self.training + self.test
        splits = (
            _chosen(*train, slice(0, self.training)),
            _chosen(*train, slice(self.training, end)),
            _chosen(*test, slice(0, self.test)),
        )
        return Dataset("fashion_mnist_tutorial", *splits, classes=10)


def _shuffled(folder: Path, part: str, generator: "np.random.RandomState") -> "tuple[Split, np.ndarray]":
    """All images of a part of the files, as bytes, and the order that the generator gives them."""
    import numpy as np

    from benchmark.data.dataset import Split

    pixels = read_idx(folder, f"{part}-images-idx3-ubyte", header=16).view(-1, 1, 28, 28)
    order = np.arange(len(pixels))
    generator.shuffle(order)
    return Split(pixels, read_idx(folder, f"{part}-labels-idx1-ubyte", header=8).long()), order


def _chosen(whole: "Split", order: "np.ndarray", which: slice) -> "Split":
    import torch

    from benchmark.data.dataset import Split

    places = torch.from_numpy(order[which])
    return Split(whole.inputs[places] / 255, whole.targets[places])
