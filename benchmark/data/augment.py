"""Random crops and flips of whole batches of images."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class CropAndFlip:
    """Pad each image, crop it back to its size at a random place, and mirror it left to right every second time."""

    padding: int = 0
    """Pixels on each side; 0 only mirrors."""
    border: Literal["reflect"] | tuple[float, ...] = "reflect"
    """What is padded with: the image's reflection, or one value per channel."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Another version of ``images`` [B, C, H, W], each with its own draws from the CPU ``generator``."""
        batch, channels, height, width = images.shape
        top, left = torch.randint(0, 2 * self.padding + 1, (2, batch, 1), generator=generator)
        mirrored = torch.rand(batch, 1, generator=generator) < 0.5
        columns = torch.arange(width).expand(batch, width)
        columns = left + torch.where(mirrored, columns.flip(1), columns)
        rows = top + torch.arange(height)
        rows, columns = rows.to(images.device), columns.to(images.device)
        image = torch.arange(batch, device=images.device).view(-1, 1, 1, 1)
        channel = torch.arange(channels, device=images.device).view(-1, 1, 1)
        return self._pad(images)[image, channel, rows[:, None, :, None], columns[:, None, None, :]]

    def _pad(self, images: Tensor) -> Tensor:
        pad = (self.padding,) * 4
        if self.border == "reflect":
            return F.pad(images, pad, mode="reflect")
        inside = F.pad(torch.ones_like(images[:1, :1], dtype=torch.bool), pad)
        return torch.where(inside, F.pad(images, pad), images.new_tensor(self.border).view(-1, 1, 1))
