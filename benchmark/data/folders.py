"""Images in folders, one folder for each class: finding them and decoding them."""

import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.datasets.folder import is_image_file

from benchmark.data.published import MOST_BYTES, missing
from benchmark.system.files import read_bytes
from criteria.errors import InputError, one_line

FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""That images are decoded from: those of the extensions of an ImageFolder. Pillow hands some others to programs."""

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
    found = sorted(place.name for place in folder.iterdir() if place.is_dir())
    if len(found) != classes:
        raise InputError(f"{folder} has {len(found)} folders of classes, and should have {classes}")
    return {name: number for number, name in enumerate(found)}


def samples(folder: Path, numbers: dict[str, int], expected: int) -> list[Sample]:
    """Every image below the folders of the classes; raises :class:`InputError` unless they are as many as expected.

    Below those folders symbolic links to folders are not followed: in a circle of them one image has endless names.
    """
    found: list[Sample] = []
    for name, number in numbers.items():
        for place, _, files in sorted(os.walk(folder / name, onerror=_unreadable)):
            found += [(os.path.join(place, file), number) for file in sorted(files) if is_image_file(file)]
    require_count(folder, len(found), expected)
    return found


def _unreadable(error: OSError) -> None:
    raise InputError(f"{error.filename} cannot be read ({error.strerror})") from error


def require_count(folder: Path, found: int, expected: int) -> None:
    """Raises :class:`InputError` unless a folder has as many images as the published data set."""
    if found != expected:
        raise InputError(f"{folder} has {found} images of the classes, and should have {expected}; unpack it again")


def read_image(path: str, size: tuple[int, int] | None = None) -> Image.Image:
    """A decoded image in RGB; raises :class:`InputError` where the file is none, or not of ``size`` (width, height)."""
    content = read_bytes(Path(path), MOST_BYTES)
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            right = size in (None, image.size)  # known before a pixel is decoded
            decoded = image.convert("RGB") if right else image
    except Exception as error:  # Pillow's readers meet damage in many ways: a struct.error maybe
        raise InputError(
            f"{path} cannot be read as an image ({one_line(error)}); remove it and get it again"
        ) from error
    if not right:
        found, wanted = (f"{width}×{height}" for width, height in (image.size, size or image.size))
        raise InputError(f"{path} has {found} pixels, and should have {wanted}")
    return decoded


def read_images(paths: Sequence[str], size: int) -> Tensor:
    """Square images as bytes [N, 3, size, size]; raises :class:`InputError` for an image of another size."""
    pixels = torch.empty(len(paths), 3, size, size, dtype=torch.uint8)

    def read(number: int) -> None:
        image = read_image(paths[number], (size, size))
        pixels[number] = torch.from_numpy(np.array(image)).permute(2, 0, 1)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(read, range(len(paths))))
    return pixels
