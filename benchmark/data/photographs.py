"""Photographs of any size in files: a part of each is decoded when it is needed."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms.functional import center_crop, resize, resized_crop

from benchmark.data.decoding import read_image
from benchmark.data.images import IMAGENET

SIZE = 224
"""Pixels on each side of what networks see."""
SHORTER_SIDE = 256
"""What an image is resized to before its centre is evaluated."""
AREA = (0.08, 1.0)
"""Share of an image that a training crop has at least and at most, before it is resized."""
ASPECT = (3 / 4, 4 / 3)
"""Width by height of a training crop, at least and at most."""
CENTRE = -1
"""In place of a crop's seed: the centre of the image."""


def random_crops(stored: Tensor, generator: torch.Generator) -> Tensor:
    """The same files, each with the seed of a crop of its own, int64 [B, 2]."""
    seeds = torch.randint(2**63 - 1, (len(stored),), generator=generator)
    return torch.stack([stored[:, 0], seeds], 1)


@dataclass(frozen=True)
class Photographs:
    """Images of any size in files."""

    paths: tuple[str, ...]

    def __call__(self, stored: Tensor, device: torch.device) -> Tensor:
        """The crops [B, 2] of these files, normalised, [B, 3, 224, 224] on ``device``.

        Raises :class:`criteria.errors.InputError` for a file that is no image.
        """
        pixels = torch.empty(len(stored), 3, SIZE, SIZE, dtype=torch.uint8, pin_memory=device.type == "cuda")

        def decode(place: int, file: int, seed: int) -> None:
            image = crop(read_image(self.paths[file]), seed)
            pixels[place] = torch.from_numpy(np.array(image)).permute(2, 0, 1)

        list(_threads().map(decode, range(len(stored)), *stored.T.tolist()))
        return IMAGENET(pixels.to(device, non_blocking=True))


def crop(image: Image.Image, seed: int) -> Image.Image:
    """A part of an image, 224×224, and mirrored every second time; for the seed ``CENTRE`` its centre.

    The seed alone decides, so neither the batch nor the thread that an image is decoded in does.
    """
    if seed == CENTRE:
        centre: Image.Image = center_crop(resize(image, SHORTER_SIDE), SIZE)
        return centre
    generator = torch.Generator().manual_seed(seed)
    part: Image.Image = resized_crop(image, *random_part(image.width, image.height, generator), [SIZE, SIZE])
    return ImageOps.mirror(part) if torch.rand(1, generator=generator) < 0.5 else part


def random_part(width: int, height: int, generator: torch.Generator) -> tuple[int, int, int, int]:
    """Top, left, height and width of a part with a random area and aspect ratio (Szegedy et al., 2015).

    These are the parts and draws of torchvision's RandomResizedCrop, which only draws from the global generator.
    """
    for _ in range(10):
        area = width * height * float(torch.empty(1).uniform_(*AREA, generator=generator))
        log_aspect = torch.empty(1).uniform_(*(math.log(aspect) for aspect in ASPECT), generator=generator)
        aspect = float(log_aspect.exp())
        wide, high = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < wide <= width and 0 < high <= height:
            top = int(torch.randint(height - high + 1, (1,), generator=generator))
            left = int(torch.randint(width - wide + 1, (1,), generator=generator))
            return top, left, high, wide
    # an image that is much longer than wide: as much of its centre as the aspect ratio allows
    wide, high = min(width, round(height * ASPECT[1])), min(height, round(width / ASPECT[0]))
    return (height - high) // 2, (width - wide) // 2, high, wide


@cache
def _threads() -> ThreadPoolExecutor:
    """As many threads as this process's share of the cores; decoding mostly runs outside of the interpreter's lock."""
    cores = os.cpu_count() or 1
    return ThreadPoolExecutor(max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))), "decode")
