"""LeNet-300-100."""

from collections.abc import Sequence

from torch import nn

from benchmark.models.mlp import mlp
from benchmark.models.shapes import require_inputs, require_widths


def lenet300(inputs: Sequence[int], classes: int, widths: Sequence[int] = (300, 100)) -> nn.Module:
    """The perceptron 784-300-100-10 (LeCun et al., 1998), 266,610 parameters; initialised by torch's default."""
    require_inputs(inputs, (1, 28, 28))
    require_widths(widths, 2)
    return mlp(inputs, classes, widths)
