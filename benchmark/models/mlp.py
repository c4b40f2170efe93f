"""Multilayer perceptrons: linear layers fc1, fc2, … with ReLU between them, on flattened inputs."""

import itertools
import math
from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from benchmark.models.linear import Linear
from benchmark.models.shapes import logits, require_inputs


def mlp(widths: Sequence[int], inputs: Sequence[int], classes: int) -> nn.Module:
    """A perceptron with hidden layers of these ``widths``, initialised by torch's default.

    The paper's are [256, 256] on HIGGS and [1024, 512] on CIFAR-10.
    """
    if not isinstance(widths, list | tuple) or not all(type(width) is int and width > 0 for width in widths):
        raise ValueError(
            f"takes widths that are a list of positive whole numbers, such as [256, 128], not {widths!r}"
        )
    sizes = [math.prod(inputs), *widths, logits(classes)]
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for number, (before, after) in enumerate(itertools.pairwise(sizes), start=1):
        if number > 1:
            layers[f"relu{number - 1}"] = nn.ReLU()
        layers[f"fc{number}"] = Linear(before, after)
    return nn.Sequential(layers)


def lenet300(inputs: Sequence[int] = (1, 28, 28), classes: int = 10) -> nn.Module:
    """LeNet-300-100 (LeCun et al., 1998): 784-300-100-10, 266,610 parameters."""
    require_inputs(inputs, (1, 28, 28))
    return mlp([300, 100], inputs, classes)
