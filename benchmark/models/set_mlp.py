"""The perceptron of the SET group's code: He-uniform initial weights, and dropout after every hidden layer."""

import itertools
import math
from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from benchmark.models.dropout import Dropout
from benchmark.models.linear import Linear
from benchmark.models.shapes import logits


def set_mlp(inputs: Sequence[int], classes: int, widths: Sequence[int], dropout: float = 0.0) -> nn.Module:
    """A perceptron with hidden layers of these ``widths`` as in Truly-Sparse-Training (SET group).

    Weights start as draws from U(−√(6/inputs), √(6/inputs)) with the inputs of a layer when it is dense, biases at
    zero. With ``dropout`` the outputs of every hidden layer are dropped with that probability; :func:`mlp` drops the
    network's inputs too. Its 784-1000-1000-1000-10 has 2,797,010 parameters.
    """
    if not all(width > 0 for width in widths):
        raise ValueError(f"takes widths that are positive whole numbers, such as [1000, 1000], not {list(widths)}")
    if not 0 <= dropout < 1:
        raise ValueError(f"takes a dropout from 0 to below 1, not {dropout!r}")
    sizes = [math.prod(inputs), *widths, logits(classes)]
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for number, (before, after) in enumerate(itertools.pairwise(sizes), start=1):
        linear = Linear(before, after)
        bound = math.sqrt(6 / before)
        nn.init.uniform_(linear.weight, -bound, bound)
        nn.init.zeros_(linear.bias)
        layers[f"fc{number}"] = linear
        if number < len(sizes) - 1:
            layers[f"relu{number}"] = nn.ReLU()
            if dropout:
                layers[f"dropout{number}"] = Dropout(dropout)
    return nn.Sequential(layers)
