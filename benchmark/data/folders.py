"""Images in folders: one folder for each class, as torchvision's ImageFolder has it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.datasets import ImageFolder

from benchmark.data.files import missing
from criteria.errors import InputError


def find_folders(name: str, places: Sequence[Path]) -> Path:
    """The first of ``places`` that has the folders train and val; raises :class:`InputError` where none has."""
    for place in places:
        if (place / "train").is_dir() and (place / "val").is_dir():
            return place
    raise missing(name, places, "unpack it into one of them or point --data-dir at it (the folder with train and val)")
