"""Multilayer perceptrons: linear layers fc1, fc2, … with ReLU between them, on flattened inputs."""

import itertools
import math
from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from benchmark.models.dropout import Dropout
from benchmark.models.linear import Linear
from benchmark.models.shapes import logits


def mlp(inputs: Sequence[int], classes: int, widths: Sequence[int], dropout: float = 0.0) -> nn.Module:
    """A perceptron with hidden layers of these ``widths``, initialised by torch's default.

    The paper's are [256, 256] on HIGGS and [1024, 512] on CIFAR-10; with ``dropout`` (Figure 5) the inputs of every
    linear layer are dropped with that probability.
    """
    if not all(width > 0 for width in widths):
        raise ValueError(f"takes widths that are positive whole numbers, such as [256, 128], not {list(widths)}")
    if not 0 <= dropout < 1:
        raise ValueError(f"takes a dropout from 0 to below 1, not {dropout!r}")
    sizes = [math.prod(inputs), *widths, logits(classes)]
    linears = [Linear(before, after) for before, after in itertools.pairwise(sizes)]
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for number, linear in enumerate(linears, start=1):
        if number > 1:
            layers[f"relu{number - 1}"] = nn.ReLU()
        if dropout:
            layers[f"dropout{number}"] = Dropout(dropout)
        layers[f"fc{number}"] = linear
    return nn.Sequential(layers)
