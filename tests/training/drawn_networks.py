"""Networks and members that are drawn, to train on two engines that should agree.

Data and weights are continuous, so nothing that an engine compares is equal but for rounding, with one exception: a
unit that has lost its inputs is constant. What looks at it must not ask which of its values is largest, or how they
vary, so only the first product, which reads the data, is followed by batch-norm or by max-pooling.
"""

import itertools
import math
from typing import Any

import torch
from hypothesis import assume
from hypothesis import strategies as st
from torch import nn

from benchmark.models.dropout import Dropout
from benchmark.training.measurements.jaccard import Comparison
from benchmark.training.members import Member
from criteria import load, names
from tests.training.refusals import unsupported
from tests.training.small_fleets import recipe

CRITERIA = [name for name in names() if not (load(name).requires_hessian_gradient or load(name).requires_input_norms)]
RULES = {
    "scope": ("local", "global", "global_prune"),
    "resurrection": ("forbid", "allow", "restart"),
    "grown_momentum": ("keep", "reset"),
}
SIDES = (2, 13, 10)
"""The shape of the images."""


@st.composite
def makers(draw, densities=(0.1, 0.3, 1.0)):
    """What makes a member with plugins of its own, so that two trainings share no state."""
    how = {name: draw(st.sampled_from(known)) for name, known in RULES.items()}
    if draw(st.integers(0, 3)) == 0:
        how |= {"fan_in": "constant", "scope": "local"}
    criterion, growth = draw(st.sampled_from(CRITERIA)), draw(st.sampled_from(names("growth")))
    period, seed = draw(st.integers(1, 9) | st.sampled_from([13, 17])), draw(st.integers(1, 3))
    density, compares, every = draw(st.sampled_from(densities)), draw(st.booleans()), draw(st.sampled_from([None, 7]))

    def make():
        compared = Comparison(tuple(map(load, ("magnitude", "snip", "random"))), every) if compares else None
        changes = recipe(criterion, growth, period=period, **how)
        return Member(seed, density, "erk", changes, compared, fan_in=how.get("fan_in", "free"))

    return make


perceptrons = st.fixed_dictionaries(
    {
        "name": st.just("a drawn perceptron"),
        "widths": st.sampled_from([[], [9], [16, 12], [5, 7, 6]]),
        "norm": st.booleans(),
        "dropout": st.sampled_from([0.0, 0.2]),
    }
)


@st.composite
def convolutional(draw):
    """A network of one or two convolutions that the sparse engine has."""
    sizes = st.sampled_from([1, 3, 5]) | st.tuples(st.sampled_from([1, 3]), st.sampled_from([3, 5]))
    poolings = ["none", "max", "mean"]
    convolutions = [
        {
            "channels": draw(st.sampled_from([1, 4, 9, 18])),
            "size": draw(sizes),
            "stride": draw(st.sampled_from([1, 2])),
            "padding": draw(st.sampled_from([0, 1, 2])),
            "pooling": draw(st.sampled_from(poolings if number == 0 else ["none", "mean"])),
        }
        for number in range(draw(st.integers(1, 2)))
    ]
    model = {**draw(perceptrons), "name": "a drawn network", "convolutions": convolutions}
    try:
        network = built(model, SIDES, 10)
    except RuntimeError:  # a window is larger than what it looks at
        network = None
    assume(network is not None and unsupported(network, SIDES) is None)
    return model


def built(model: dict[str, Any], inputs: tuple[int, ...], classes: int) -> nn.Module:
    """The network of drawn ``model`` settings, as :func:`benchmark.models.build_network` gives that of others."""
    network, channels, norm = nn.Sequential(), inputs[0], model["norm"]
    for convolution in model.get("convolutions", []):
        outputs, pooling = convolution["channels"], convolution["pooling"]
        network.append(nn.Conv2d(channels, outputs, convolution["size"], convolution["stride"], convolution["padding"]))
        network += nn.Sequential(*([_shifted(nn.BatchNorm2d(outputs))] if norm else []), nn.ReLU())
        network += {"none": nn.Sequential(), "max": nn.Sequential(nn.MaxPool2d(2)), "mean": _mean()}[pooling]
        channels, norm = outputs, False
    network.append(nn.Flatten())
    features = math.prod(network.eval()(torch.zeros(1, *inputs)).shape)
    widths = [features, *model["widths"], 1 if classes == 2 else classes]
    for number, (before, after) in enumerate(itertools.pairwise(widths), start=1):
        network.append(nn.Linear(before, after))
        if number < len(widths) - 1:
            network += nn.Sequential(*([_shifted(nn.BatchNorm1d(after))] if norm else []), nn.ReLU())
            network.append(Dropout(model["dropout"]))
            norm = False
    return network.train()


def _mean() -> nn.Sequential:
    return nn.Sequential(nn.AvgPool2d((2, 1)))


def _shifted(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> nn.Module:
    """With a shift, so that a unit without variance is not where ReLU has its corner."""
    nn.init.uniform_(norm.bias, 0.1, 0.5)
    return norm
