"""Wide residual networks for CIFAR (Zagoruyko and Komodakis, 2016)."""

import math
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.dropout import Dropout
from benchmark.models.linear import Linear
from benchmark.models.shapes import logits, require_inputs

WIDTHS = (16, 32, 64)
"""Channels of the three groups of blocks, before they are widened."""


class Block(nn.Module):
    """Batch-norm and ReLU before each of two 3×3 convolutions, dropout between these, beside a shortcut.

    Where the number of channels changes, the shortcut is a 1×1 convolution of what the first ReLU gives.
    """

    def __init__(self, channels: int, width: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.dropout = Dropout(dropout)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(channels, width, 1, stride, bias=False) if channels != width else None

    def forward(self, inputs: Tensor) -> Tensor:
        """[B, channels, H, W] to [B, width, H/stride, W/stride]."""
        active = F.relu(self.bn1(inputs))
        hidden: Tensor = self.conv2(self.dropout(F.relu(self.bn2(self.conv1(active)))))
        return hidden + (inputs if self.shortcut is None else self.shortcut(active))


def wide_resnet(
    inputs: Sequence[int], classes: int, depth: int = 22, widen: int = 2, dropout: float = 0.3
) -> nn.Module:
    """WRN-depth-widen, with (depth − 4)/6 blocks of each width; WRN-22-2 has 1,079,642 parameters for ten classes.

    Convolutions start as draws from a normal distribution of variance 2/(kernel size · outputs), as in the public code
    of the reproducibility report on RigL (varun19299/rigl-reproducibility), whose layers and dropout these are.
    """
    require_inputs(inputs, (3, 32, 32))
    if depth < 10 or (depth - 4) % 6:
        raise ValueError(f"takes a depth of 6·n + 4 layers, such as 22, not {depth!r}")
    if widen < 1 or not 0 <= dropout < 1:
        raise ValueError(f"takes widen from 1 on and a dropout from 0 to below 1, not {widen!r} and {dropout!r}")
    network = nn.Sequential()
    channels = WIDTHS[0]
    network.add_module("conv1", nn.Conv2d(3, channels, 3, padding=1, bias=False))
    for group, narrow in enumerate(WIDTHS, start=1):
        blocks = nn.Sequential()
        for number in range((depth - 4) // 6):
            stride = 2 if group > 1 and number == 0 else 1
            blocks.append(Block(channels, narrow * widen, stride, dropout))
            channels = narrow * widen
        network.add_module(f"block{group}", blocks)
    network.add_module("bn", nn.BatchNorm2d(channels))
    network.add_module("relu", nn.ReLU())
    network.add_module("pool", nn.AvgPool2d(8))
    network.add_module("flatten", nn.Flatten())
    network.add_module("fc", Linear(channels, logits(classes)))
    _start(network)
    return network


def _start(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=math.sqrt(2 / (math.prod(module.kernel_size) * module.out_channels)))
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
