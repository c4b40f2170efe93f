"""How a CPU computes networks with convolutions fastest: channels last, and pooling before ReLU.

Convolutions and pools of small networks take a CPU about half the time where the channels of a place lie beside each
other; those of large ones take little less. The largest of some numbers is the same before ReLU as after it, and so is
the gradient that reaches it, so a ReLU of what is left after pooling gives what pooling after ReLU would give, for a
quarter of the numbers.
"""

import torch
from torch import Tensor, nn


def channels_last(tensor: Tensor) -> Tensor:
    """A copy whose channels lie beside each other, of a batch of images or the weights of a convolution; others as is.

    Of one channel, torch takes the strides of either layout for both, so the copy has the strides of this one.
    """
    return tensor.clone(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


def pool_before_relu(network: nn.Module) -> None:
    """Let every ReLU in front of a max pool in a sequence of layers come behind it; names stay with their layers."""
    for sequence in (module for module in network.modules() if type(module) is nn.Sequential):
        layers = list(sequence._modules.items())  # a layer that is in two places is named twice here
        for place in range(len(layers) - 1):
            (_, first), (_, second) = layers[place : place + 2]
            if type(first) is nn.ReLU and type(second) is nn.MaxPool2d and not second.return_indices:
                layers[place : place + 2] = reversed(layers[place : place + 2])
        sequence._modules.clear()
        sequence._modules.update(layers)
