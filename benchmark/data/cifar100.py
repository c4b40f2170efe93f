"""CIFAR-100: 32×32 colour images of a hundred kinds of things (Krizhevsky, 2009)."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.source import DataSource, Look

if TYPE_CHECKING:
    from benchmark.data.dataset import Dataset

URL = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
MD5 = "03b5dce01913d631647c71ecec9e9cb8"

MEAN, STD = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)
"""Of each channel, with which pixels are normalised."""

TRAIN_EXAMPLES = 50_000


@dataclass(frozen=True)
class CIFAR100(DataSource):
    """CIFAR-100: 32×32 colour images of a hundred kinds of things (Krizhevsky, 2009)."""

    validation_is_test = True

    @property
    def look(self) -> Look:
        return Look((3, 32, 32), 100, TRAIN_EXAMPLES, -1.9, 2.0)

    def load(self, root: Path) -> "Dataset":
        """Inputs [N, 3, 32, 32]: 50,000 training and 10,000 test examples, and targets of the fine labels.

        The test set is also the validation set, as in the paper's released code: accuracies of the checkpoint with the
        best validation accuracy are optimistic. Training images are padded with black, cropped and flipped.
        """
        from benchmark.data.augment import CropAndFlip
        from benchmark.data.cifar import read_archive, read_split
        from benchmark.data.dataset import Dataset
        from benchmark.data.images import Normalisation

        normalisation = Normalisation(MEAN, STD)
        with read_archive("CIFAR-100", root, URL, MD5) as archive:
            train = read_split(archive, ["cifar-100-binary/train.bin"], 2, normalisation)
            test = read_split(archive, ["cifar-100-binary/test.bin"], 2, normalisation)
        return Dataset("cifar100", train, test, test, classes=100, augment=CropAndFlip(4, normalisation.black))
