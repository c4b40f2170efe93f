"""A perceptron with skip connections."""

from collections.abc import Sequence
from math import prod

import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models import logits


class Block(nn.Module):
    """A linear layer beside a connection that skips it, [B, width] to the same shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc = nn.Linear(width, width)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs + F.relu(self.fc(inputs))


def skip_mlp(inputs: Sequence[int], classes: int, width: int = 64, blocks: int = 2) -> nn.Module:
    """A perceptron whose hidden layers are skipped by connections (He et al., 2016), initialised by torch's default."""
    if width < 1 or blocks < 1:
        raise ValueError(f"takes a width and a number of blocks of 1 or more, not {width} and {blocks}")
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(prod(inputs), width),
        nn.ReLU(),
        *(Block(width) for _ in range(blocks)),
        nn.Linear(width, logits(classes)),
    )
