"""How the dense engine computes a step on a GPU: what is computed stays the same, and only its rounding may differ."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.training.engines.fleet_kernels import available


@dataclass(frozen=True)
class Execution:
    """Ways to compute the gradients of a fleet; each can be taken or left."""

    kernels: bool = False
    """Convolutions and pools by kernels of our own; see :mod:`benchmark.training.engines.fleet_kernels`."""
    unfolded: bool = False
    """Convolutions as one batched matrix product of all members over unfolded inputs, not as grouped convolutions."""
    compiled: bool = False
    """The forward and the backward pass as torch.compile makes them."""
    replayed: bool = False
    """Both as a CUDA graph, which one call starts; see :mod:`benchmark.training.engines.replay`."""

    def __str__(self) -> str:
        taken = [field.name for field in fields(self) if getattr(self, field.name)]
        return " and ".join(taken) or "plain"


PLAIN = Execution()
_chosen: ContextVar[Execution | None] = ContextVar("execution", default=None)


@contextmanager
def executing(execution: Execution | None) -> Iterator[None]:
    """Engines that are made inside for a GPU compute in this way, or by default where it is None."""
    before = _chosen.set(execution)
    try:
        yield
    finally:
        _chosen.reset(before)


def execution_on(device: torch.device) -> Execution:
    """How an engine that is made now computes on ``device``.

    On a CPU always plainly, as its bits are promised. On a GPU as :func:`executing` says, else in the way that was
    found to be the fastest for most networks: with kernels, where these can be compiled, and replayed.
    """
    if device.type == "cpu":
        return PLAIN
    chosen = _chosen.get()
    return chosen if chosen is not None else Execution(kernels=available(device), replayed=True)


def adapted(network: nn.Module, execution: Execution) -> nn.Module:
    """The network that is computed for all members at once: ``network`` itself, or a copy with other layers."""
    if not (execution.kernels or execution.unfolded):
        return network
    network = copy.deepcopy(network)
    if execution.kernels:
        from benchmark.training.engines.fleet_kernels.layers import take_fleet_kernels

        take_fleet_kernels(network)
    if execution.unfolded:
        unfold_convolutions(network)
    return network


def unfold_convolutions(network: nn.Module) -> None:
    """Let every two-dimensional convolution of ``network`` compute as a matrix product.

    A convolution in groups, or with a padding other than zeros, stays as it is.
    """
    for module in network.modules():
        is_plain = type(module) is nn.Conv2d and module.groups == 1 and module.padding_mode == "zeros"
        if is_plain and not isinstance(module.padding, str):
            module.__class__ = _UnfoldedConv2d


class _UnfoldedConv2d(nn.Conv2d):
    """torch's two-dimensional convolution, computed as the product of its weights with unfolded inputs."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        assert not isinstance(self.padding, str)
        geometry = tuple(zip(self.kernel_size, self.dilation, self.padding, self.stride, strict=True))
        height, width = (
            (length + 2 * padding - dilation * (size - 1) - 1) // stride + 1
            for length, (size, dilation, padding, stride) in zip(input.shape[-2:], geometry, strict=True)
        )
        columns = F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)
        product = self.weight.flatten(1) @ columns
        if self.bias is not None:
            product = product + self.bias[:, None]
        return product.view(*product.shape[:-1], height, width)
