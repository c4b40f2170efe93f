"""CIFAR-10: 32×32 colour images of ten kinds of things (Krizhevsky, 2009)."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.source import DataSource, Look

if TYPE_CHECKING:
    from benchmark.data.dataset import Dataset

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
"""Of each channel, with which pixels are normalised."""

TRAIN_EXAMPLES = 45_000


@dataclass(frozen=True)
class CIFAR10(DataSource):
    """CIFAR-10: 32×32 colour images of ten kinds of things (Krizhevsky, 2009)."""

    @property
    def look(self) -> Look:
        return Look((3, 32, 32), 10, TRAIN_EXAMPLES, -2.4, 2.8)

    def load(self, root: Path) -> "Dataset":
        """Inputs [N, 3, 32, 32]: 45,000 training, 5,000 validation (the last 10%) and 10,000 test examples.

        Training images are padded by reflection, cropped and flipped. Validation images are not, although the paper's
        released code changes them too: a checkpoint should not be chosen by chance.
        """
        from benchmark.data.augment import CropAndFlip
        from benchmark.data.cifar import read_archive, read_split
        from benchmark.data.dataset import Dataset, hold_out_last
        from benchmark.data.images import Normalisation

        normalisation = Normalisation(MEAN, STD)
        with read_archive("CIFAR-10", root, URL, MD5) as archive:
            folder = "cifar-10-batches-bin"
            batches = [f"{folder}/data_batch_{number}.bin" for number in range(1, 6)]
            train, validation = hold_out_last(read_split(archive, batches, 1, normalisation))
            test = read_split(archive, [f"{folder}/test_batch.bin"], 1, normalisation)
        return Dataset("cifar10", train, validation, test, classes=10, augment=CropAndFlip(4, "reflect"))
