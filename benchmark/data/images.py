"""Turning images of bytes into what networks see, and back into the value of a black pixel."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each channel, of pixels scaled to 0 … 1."""

    mean: Sequence[float]
    std: Sequence[float]

    def __call__(self, pixels: Tensor) -> Tensor:
        """Bytes [N, C, H, W] as normalised float32 of the same shape."""
        mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (self.mean, self.std))
        return pixels.to(torch.float32, copy=True).div_(255).sub_(mean).div_(std)

    @property
    def black(self) -> tuple[float, ...]:
        """What a black pixel becomes, per channel."""
        return tuple(self(torch.zeros(1, len(self.mean), 1, 1)).flatten().tolist())


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""The statistics of ImageNet, also used for Tiny-ImageNet."""
