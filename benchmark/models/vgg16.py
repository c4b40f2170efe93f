"""VGG-16 with batch-norm, in the form that is usual for CIFAR."""

from collections.abc import Sequence

from torch import nn

from benchmark.models.initial import kaiming_normal_by_outputs
from benchmark.models.linear import Linear
from benchmark.models.shapes import logits, require_inputs, require_widths

GROUPS = (2, 2, 3, 3, 3)
"""Convolutions between two poolings by 2."""


# the default is written out, so that it is known without importing this module
def vgg16(
    inputs: Sequence[int],
    classes: int,
    widths: Sequence[int] = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512),
) -> nn.Module:
    """Thirteen 3×3 convolutions (Simonyan and Zisserman, 2015) and one linear layer; 14,770,212 parameters.

    Every convolution is followed by batch-norm and ReLU; the last pooling takes the mean, not the maximum. Initial
    weights are those of the paper's released code (models/init_utils.py, commit 565c21f): convolutions Kaiming-normal
    by their outputs, the linear layer N(0, 0.01²) with biases of 0.
    """
    require_inputs(inputs, (3, 32, 32))
    require_widths(widths, sum(GROUPS))
    network = nn.Sequential()
    channels, number = inputs[0], 0
    for group, convolutions in enumerate(GROUPS, start=1):
        for width in widths[number : number + convolutions]:
            number += 1
            network.add_module(f"conv{number}", nn.Conv2d(channels, width, 3, padding=1, bias=False))
            network.add_module(f"bn{number}", nn.BatchNorm2d(width))
            network.add_module(f"relu{number}", nn.ReLU())
            channels = width
        network.add_module(f"pool{group}", nn.MaxPool2d(2) if group < len(GROUPS) else nn.AvgPool2d(2))
    network.add_module("flatten", nn.Flatten())
    network.add_module("fc", Linear(channels, logits(classes)))
    kaiming_normal_by_outputs(network)
    return network
