"""Turning images of bytes into what networks see, and back into the value of a black pixel."""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each channel, of pixels scaled to 0 … 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, pixels: Tensor) -> Tensor:
        """Bytes [N, C, H, W] as normalised float32 of the same shape."""
        mean, std = _per_channel(self.mean, pixels.device), _per_channel(self.std, pixels.device)
        return pixels.to(torch.float32, copy=True).div_(255).sub_(mean).div_(std)

    def decode(self, stored: Tensor, device: torch.device) -> Tensor:
        """Images that are stored as bytes [B, C, H, W], in a quarter of the memory, as networks see them."""
        return self(stored.to(device))

    @property
    def black(self) -> tuple[float, ...]:
        """What a black pixel becomes, per channel."""
        return tuple(self(torch.zeros(1, len(self.mean), 1, 1)).flatten().tolist())


@cache
def _per_channel(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Kept, because copying them to a GPU for every batch would wait for it."""
    return torch.tensor(values, device=device).view(-1, 1, 1)


IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""The statistics of ImageNet, also used for Tiny-ImageNet."""
