"""Memory: how many members of a fleet fit, and whether one does."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from benchmark.models import build_network

CPU_FLEET_BYTES = 256 * 2**20
"""On a CPU fleets that are much larger train no faster, and the memory of a laptop is for others too."""
CUDA_FLEET_SHARE = 0.6
"""Share of a GPU's free memory that a fleet is planned to take."""
COPIES_OF_WEIGHTS = 6
"""Weights, gradients, momentum, mask, the best checkpoint, and one to work with."""


def fleet_size(
    model: Mapping[str, object], inputs: tuple[int, ...], classes: int, batch_size: int, device: torch.device
) -> int:
    """How many members a fleet should have at most, at least 1."""
    budget: float = CPU_FLEET_BYTES
    if device.type == "cuda":
        budget = CUDA_FLEET_SHARE * torch.cuda.mem_get_info(device)[0]
    network = build_network(model, inputs, classes)
    weights = sum(parameter.numel() for parameter in network.parameters())
    activations = 2 * batch_size * (math.prod(inputs) + _outputs_of_modules(network, inputs))
    return max(1, int(budget / (4 * (COPIES_OF_WEIGHTS * weights + activations))))


def step_bytes(model: Mapping[str, object], inputs: tuple[int, ...], classes: int, batch_size: int) -> int:
    """About what a training step of one network takes: its weights, their gradients, and what its modules put out."""
    network = build_network(model, inputs, classes)
    weights = sum(parameter.numel() for parameter in network.parameters())
    return 4 * (2 * weights + batch_size * _outputs_of_modules(network, inputs))


def _outputs_of_modules(network: nn.Module, inputs: tuple[int, ...]) -> int:
    """Numbers that the modules of a network put out for one example."""
    count = 0

    def add(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal count
        count += output.numel()

    for module in network.modules():
        if not list(module.children()):
            module.register_forward_hook(add)
    network.eval()
    with torch.no_grad():
        network(torch.zeros(1, *inputs))
    return count
