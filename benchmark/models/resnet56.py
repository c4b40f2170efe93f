"""ResNet-56, the residual network for CIFAR (He et al., 2016)."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.initial import kaiming_normal
from benchmark.models.linear import Linear
from benchmark.models.shapes import logits, require_inputs

BLOCKS = 9
"""Of each of the three widths: 2 · 9 · 3 convolutions, the first one and the linear layer are 56 layers."""


class Block(nn.Module):
    """Two 3×3 convolutions, each with batch-norm, beside a shortcut.

    Where the number of channels changes, the shortcut is a 1×1 convolution with batch-norm (a projection).
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        stride = 1 if channels == width else 2
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if channels != width:
            self.shortcut.append(nn.Conv2d(channels, width, 1, stride, bias=False)).append(nn.BatchNorm2d(width))

    def forward(self, inputs: Tensor) -> Tensor:
        """[B, channels, H, W] to [B, width, H, W], or half the height and width where the channels change."""
        hidden = F.relu(self.bn1(self.conv1(inputs)))
        return F.relu(self.bn2(self.conv2(hidden)) + self.shortcut(inputs))


def resnet56(inputs: Sequence[int], classes: int) -> nn.Module:
    """Widths 16, 32 and 64 with projection shortcuts, Kaiming-normal initial weights; 855,770 parameters."""
    require_inputs(inputs, (3, 32, 32))
    network = nn.Sequential()
    network.add_module("conv", nn.Conv2d(3, 16, 3, padding=1, bias=False))
    network.add_module("bn", nn.BatchNorm2d(16))
    network.add_module("relu", nn.ReLU())
    channels = 16
    for number, width in enumerate((16, 32, 64), start=1):
        blocks = nn.Sequential()
        for _ in range(BLOCKS):
            blocks.append(Block(channels, width))
            channels = width
        network.add_module(f"blocks{number}", blocks)
    network.add_module("pool", nn.AdaptiveAvgPool2d(1))
    network.add_module("flatten", nn.Flatten())
    network.add_module("fc", Linear(channels, logits(classes)))
    kaiming_normal(network)
    return network
