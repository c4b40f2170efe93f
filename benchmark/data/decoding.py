"""Decoding the files of images."""

import io
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmark.data.published import MOST_BYTES
from benchmark.system.files import read_bytes
from criteria.errors import InputError, one_line

FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""That images are decoded from: those of the extensions of an ImageFolder. Pillow hands some others to programs."""


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
