"""Images in folders, one folder for each class: finding them."""

import os
from collections.abc import Sequence
from pathlib import Path

from benchmark.data.published import missing
from criteria.errors import InputError

SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""Of the names of images, those that torchvision's ImageFolder takes."""

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
            found += [(os.path.join(place, file), number) for file in sorted(files) if file.lower().endswith(SUFFIXES)]
    require_count(folder, len(found), expected)
    return found


def _unreadable(error: OSError) -> None:
    raise InputError(f"{error.filename} cannot be read ({error.strerror})") from error


def require_count(folder: Path, found: int, expected: int) -> None:
    """Raises :class:`InputError` unless a folder has as many images as the published data set."""
    if found != expected:
        raise InputError(f"{folder} has {found} images of the classes, and should have {expected}; unpack it again")
