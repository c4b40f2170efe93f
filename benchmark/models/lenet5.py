"""LeNet-5 in the form that Caffe made common."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from benchmark.models.linear import Linear
from benchmark.models.shapes import logits, require_inputs, require_widths


def lenet5(inputs: Sequence[int], classes: int, widths: Sequence[int] = (20, 50, 500)) -> nn.Module:
    """LeNet-5-Caffe: two 5×5 convolutions, each pooled by 2, and two linear layers; 431,080 parameters.

    ReLU follows every layer but the last, as in the paper's released code; initialised by torch's default.
    """
    require_inputs(inputs, (1, 28, 28))
    require_widths(widths, 3)
    first, second, third = widths
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, first, 5),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(first, second, 5),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=Linear(second * 4 * 4, third),
            relu3=nn.ReLU(),
            fc2=Linear(third, logits(classes)),
        )
    )
