"""ImageNet: 1.3 million photographs of a thousand kinds of things (Russakovsky et al., 2015)."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.folders import class_numbers, find_folders, samples
from benchmark.data.source import DataSource, Look

if TYPE_CHECKING:
    from benchmark.data.dataset import Dataset

CLASSES = 1000
TRAIN_EXAMPLES = 1_281_167
VALIDATION_EXAMPLES = 50_000


@dataclass(frozen=True)
class ImageNet(DataSource):
    """ImageNet: 1.3 million photographs of a thousand kinds of things (Russakovsky et al., 2015)."""

    validation_is_test = True

    @property
    def look(self) -> Look:
        return Look((3, 224, 224), CLASSES, TRAIN_EXAMPLES, -2.1, 2.6)

    def load(self, root: Path) -> "Dataset":
        """Inputs [N, 3, 224, 224] from the folders train and val, one for each class, of ``root/imagenet`` or ``root``.

        The validation set is also the test set, as in the paper's released code. The images do not fit in memory: what
        is stored of an image is the number of its file and the seed of its crop, int64 [N, 2], and a batch is decoded
        when it is needed.
        """
        import torch

        from benchmark.data.dataset import Dataset, Split
        from benchmark.data.photographs import CENTRE, Photographs, random_crops

        folder = find_folders("ImageNet", [root / "imagenet", root])
        numbers = class_numbers(folder / "train", CLASSES)
        train = samples(folder / "train", numbers, TRAIN_EXAMPLES)
        validation = samples(folder / "val", numbers, VALIDATION_EXAMPLES)
        paths, classes = zip(*train, *validation, strict=True)
        stored = torch.stack([torch.arange(len(paths)), torch.full((len(paths),), CENTRE)], 1)
        targets = torch.tensor(classes)
        first, last = (Split(stored[part], targets[part]) for part in (slice(len(train)), slice(len(train), None)))
        photographs = Photographs(paths)
        return Dataset(
            "imagenet", first, last, last, CLASSES, augment=random_crops, decode=photographs, from_files=True
        )
