"""Tiny-ImageNet: 64×64 images of 200 of the classes of ImageNet (Stanford CS231n)."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.folders import Sample, class_numbers, find_folders, require_count, samples
from benchmark.data.source import DataSource, Look
from benchmark.system.files import read_text
from criteria.errors import InputError

if TYPE_CHECKING:
    from benchmark.data.dataset import Dataset, Split

CLASSES = 200
TRAIN_EXAMPLES = 100_000
VALIDATION_EXAMPLES = 10_000


@dataclass(frozen=True)
class TinyImageNet(DataSource):
    """Tiny-ImageNet: 64×64 images of 200 of the classes of ImageNet (Stanford CS231n)."""

    validation_is_test = True

    @property
    def look(self) -> Look:
        return Look((3, 64, 64), CLASSES, TRAIN_EXAMPLES, -2.1, 2.6)

    def load(self, root: Path) -> "Dataset":
        """Inputs [N, 3, 64, 64] from ``root/tiny-imagenet-200`` or ``root`` itself; training images are flipped.

        The published test set has no labels, so its validation set is both validation and test set, as in the paper's
        released code. The images are kept as bytes, 1.4 GB in all.
        """
        from benchmark.data.augment import CropAndFlip
        from benchmark.data.dataset import Dataset
        from benchmark.data.images import IMAGENET

        folder = find_folders("Tiny-ImageNet", [root / "tiny-imagenet-200", root])
        numbers = class_numbers(folder / "train", CLASSES)
        train = _read(samples(folder / "train", numbers, TRAIN_EXAMPLES))
        validation = _read(_validation_samples(folder / "val", numbers))
        return Dataset(
            "tinyimagenet", train, validation, validation, CLASSES, augment=CropAndFlip(), decode=IMAGENET.decode
        )


def _validation_samples(folder: Path, numbers: dict[str, int]) -> list[Sample]:
    """Those of the published layout (one folder and a list of its labels), or of one folder for each class."""
    annotations = folder / "val_annotations.txt"
    if not annotations.exists():
        return samples(folder, numbers, VALIDATION_EXAMPLES)
    found: dict[str, int] = {}
    for number, line in enumerate(read_text(annotations).splitlines(), start=1):
        file, _, rest = line.partition("\t")
        name = rest.partition("\t")[0]
        if name not in numbers:
            raise InputError(f"{annotations} line {number}: {name!r} is not one of the classes in train")
        if file in found or not file or Path(file).name != file:
            raise InputError(f"{annotations} line {number}: {file!r} is given twice or is not the name of an image")
        found[file] = numbers[name]
    require_count(folder, len(found), VALIDATION_EXAMPLES)
    if set(Counter(found.values()).values()) != {VALIDATION_EXAMPLES // CLASSES}:
        raise InputError(f"{annotations} does not name as many images of each class as of the others; unpack it again")
    return [(str(folder / "images" / file), number) for file, number in found.items()]


def _read(found: list[Sample]) -> "Split":
    import torch

    from benchmark.data.dataset import Split
    from benchmark.data.decoding import read_images

    return Split(read_images([path for path, _ in found], 64), torch.tensor([number for _, number in found]))
