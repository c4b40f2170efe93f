"""Floating-point operations (FLOPs) of the layers of a network; a multiplication and an addition are two."""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn


def flops_per_weight(network: nn.Module, inputs: tuple[int, ...], layers: Iterable[str]) -> dict[str, int]:
    """FLOPs that each weight of ``layers`` takes part in when ``network`` (on the meta device) sees one example.

    ``layers`` are names of the weights of Linear and Conv modules, ``inputs`` is the shape of one example.
    """
    network = copy.deepcopy(network).eval()
    found = dict.fromkeys(layers, 0)

    def count(name: str) -> None:
        def add(module: nn.Module, _inputs: object, output: Tensor) -> None:
            found[name] += 2 * output.numel() // module.get_parameter("weight").shape[0]

        network.get_submodule(name.removesuffix(".weight")).register_forward_hook(add)

    for name in found:
        count(name)
    with torch.no_grad():
        network(torch.zeros(1, *inputs, device="meta"))
    return found
