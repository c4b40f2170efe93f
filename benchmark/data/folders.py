"""Images in folders, one folder for each class: finding them and decoding them."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.datasets.folder import IMG_EXTENSIONS, find_classes, make_dataset

from benchmark.data.files import missing
from criteria.errors import InputError

Sample = tuple[str, int]
"""Path of an image, and its class."""


def find_folders(name: str, places: Sequence[Path]) -> Path:
    """The first of ``places`` that has the folders train and val; raises :class:`InputError` where none has."""
    for place in places:
        if (place / "train").is_dir() and (place / "val").is_dir():
            return place
    raise missing(name, places, "unpack it there, or point --data-dir at the folder that has its train and val")


def class_numbers(folder: Path, classes: int) -> dict[str, int]:
    """Number of each class, in the order of their names; raises :class:`InputError` unless ``classes`` are there."""
    found = find_classes(folder)[1] if any(folder.iterdir()) else {}
    if len(found) != classes:
        raise InputError(f"{folder} has {len(found)} folders of classes, and should have {classes}")
    return dict(found)


def samples(folder: Path, numbers: dict[str, int], expected: int) -> list[Sample]:
    """Every image below the folders of the classes; raises :class:`InputError` unless they are as many as expected."""
    found: list[Sample] = make_dataset(folder, numbers, extensions=IMG_EXTENSIONS, allow_empty=True)
    require_count(folder, len(found), expected)
    return found


def require_count(folder: Path, found: int, expected: int) -> None:
    """Raises :class:`InputError` unless a folder has as many images as the published data set."""
    if found != expected:
        raise InputError(f"{folder} has {found} images of the classes, and should have {expected}; unpack it again")


def read_image(path: str) -> Image.Image:
    """A decoded image in RGB; raises :class:`InputError` where the file is none."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as an image ({error}); remove it and get it again") from error


def read_images(paths: Sequence[str], size: int) -> Tensor:
    """Square images as bytes [N, 3, size, size]; raises :class:`InputError` for an image of another size."""
    pixels = torch.empty(len(paths), 3, size, size, dtype=torch.uint8)

    def read(number: int) -> None:
        image = read_image(paths[number])
        if image.size != (size, size):
            raise InputError(f"{paths[number]} has {image.width}×{image.height} pixels, and should have {size}×{size}")
        pixels[number] = torch.from_numpy(np.array(image)).permute(2, 0, 1)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(read, range(len(paths))))
    return pixels
