"""Floating-point operations (FLOPs) of the layers of a network; a multiplication and an addition are two."""

import copy
from collections.abc import Iterable
from functools import lru_cache

import torch
from torch import Tensor, nn

from benchmark.models import layer_of
from criteria.errors import InputError


def flops_per_weight(network: nn.Module, inputs: tuple[int, ...], layers: Iterable[str]) -> dict[str, int]:
    """FLOPs that each weight of ``layers`` takes part in when ``network`` (on the meta device) sees one example.

    ``layers`` are names of the weights of Linear and Conv modules, ``inputs`` is the shape of one example.
    """
    return dict(_counted(network, tuple(inputs), tuple(layers)))


@lru_cache(maxsize=32)
def _counted(network: nn.Module, inputs: tuple[int, ...], layers: tuple[str, ...]) -> dict[str, int]:
    network = _of_zeros(copy.deepcopy(network)).eval()
    found = dict.fromkeys(layers, 0)

    def count(name: str) -> None:
        def add(_module: nn.Module, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
            made = output[0] if isinstance(output, tuple) else output
            found[name] += 2 * made.numel() // network.get_parameter(name).shape[0]

        _called(network, layer_of(name)).register_forward_hook(add)

    for name in found:
        count(name)
    try:
        with torch.no_grad():
            network(torch.zeros(1, *inputs))
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        raise InputError("this machine has not enough memory for one example in so large a network") from error
    return found


def _called(network: nn.Module, layer: str) -> nn.Module:
    """What is called to compute a layer: its module, or the attention of torch that takes that module's weight."""
    above = network.get_submodule(layer.rpartition(".")[0])
    return above if isinstance(above, nn.MultiheadAttention) else network.get_submodule(layer)


def _of_zeros(network: nn.Module) -> nn.Module:
    """``network`` with a zero, stored once, in place of all values.

    An addition on the meta device imports torch's compiler, which takes longer than the pass of one example.
    """
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            zeros = torch.zeros((), dtype=parameter.dtype).expand(parameter.shape)
            setattr(module, name, nn.Parameter(zeros, requires_grad=False))
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, torch.zeros(buffer.shape, dtype=buffer.dtype))
    return network
