"""EfficientNet-B0 (Tan and Le, 2019)."""

from collections.abc import Sequence

import torchvision
from torch import nn
from torchvision.ops import StochasticDepth

from benchmark.models.dropout import Dropout
from benchmark.models.shapes import logits, require_inputs


def efficientnet_b0(inputs: Sequence[int], classes: int) -> nn.Module:
    """torchvision's, not pretrained, with our dropout and stochastic depth; 4,263,748 parameters with 200 classes."""
    require_inputs(inputs, (3, None, None))
    network: nn.Module = torchvision.models.efficientnet_b0(num_classes=logits(classes))
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Dropout | StochasticDepth):
            parent = network.get_submodule(name.rpartition(".")[0])
            setattr(
                parent, name.rpartition(".")[2], Dropout(module.p, whole_examples=isinstance(module, StochasticDepth))
            )
    return network
