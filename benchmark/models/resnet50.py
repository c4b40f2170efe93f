"""ResNet-50, the residual network for ImageNet (He et al., 2016)."""

from collections.abc import Sequence

import torchvision
from torch import nn

from benchmark.models.shapes import logits, require_inputs


def resnet50(inputs: Sequence[int], classes: int) -> nn.Module:
    """torchvision's, not pretrained; 25,557,032 parameters."""
    require_inputs(inputs, (3, None, None))
    network: nn.Module = torchvision.models.resnet50(num_classes=logits(classes))
    return network
