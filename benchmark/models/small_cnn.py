"""The paper's small convolutional network for CIFAR-10."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from benchmark.models.linear import Linear
from benchmark.models.shapes import logits, require_inputs, require_widths


def small_cnn(inputs: Sequence[int], classes: int, widths: Sequence[int] = (32, 64, 128)) -> nn.Module:
    """Convolutions of 32, 64 and 128 channels (3×3, no padding) and one linear layer; 94,538 parameters.

    The first two are pooled by 2, the third over its whole area; initialised by torch's default. A comment in the
    paper's released code speaks of 95,818 parameters, which these layers, its own, do not have.
    """
    require_inputs(inputs, (3, 32, 32))
    require_widths(widths, 3)
    first, second, third = widths
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, first, 3),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(first, second, 3),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            conv3=nn.Conv2d(second, third, 3),
            relu3=nn.ReLU(),
            pool3=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc1=Linear(third, logits(classes)),
        )
    )
