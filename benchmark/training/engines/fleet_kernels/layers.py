"""Which layers of a network the kernels compute, and how ``vmap`` gets to them."""

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.training.engines.fleet_kernels.convolution import fleet_convolution
from benchmark.training.engines.fleet_kernels.pooling import relu_then_pool


def take_fleet_kernels(network: nn.Module) -> None:
    """Let the kernels compute what they can of ``network``, which is then only to be called inside of ``vmap``.

    That are two-dimensional convolutions in one group with square strides, and ReLU before a maximum over 2×2. In other
    precisions than float32 and TF32 everything is computed as before.
    """
    normalised = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            _join_pools(module)
        if _is_plain(module):
            # batch-norm of several members takes channels first only
            module.__class__ = _FleetConv2dChannelsFirst if normalised else _FleetConv2d
        elif isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size in (1, (1, 1)):
            module.__class__ = _Mean2d  # vmap has no rule for the other one with channels last


def _is_plain(module: nn.Module) -> bool:
    return (
        type(module) is nn.Conv2d
        and module.groups == 1
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
        and module.dilation == (1, 1)
        and module.stride[0] == module.stride[1]
        and module.padding[0] == module.padding[1]
    )


def _join_pools(layers: nn.Sequential) -> None:
    names = list(layers._modules)
    for name, after in pairwise(names):
        relu, pool = layers._modules[name], layers._modules[after]
        if isinstance(relu, nn.ReLU) and isinstance(pool, nn.MaxPool2d) and _halves(pool):
            layers._modules[name], layers._modules[after] = _ReluThenPool2d(), nn.Identity()


def _halves(pool: nn.MaxPool2d) -> bool:
    sizes = (pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode)
    return sizes == (2, 2, 0, 1, False)


def _computes(inputs: Tensor) -> bool:
    """Whether the kernels compute what ``inputs`` are of."""
    return inputs.dtype == torch.float32 and not torch.is_autocast_enabled(inputs.device.type)


class _FleetConv2d(nn.Conv2d):
    channels_last = True

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        if not _computes(input):
            return super().forward(input)
        assert not isinstance(self.padding, str)
        how = self.channels_last, self.stride[0], self.padding[0]
        found: Tensor = _Convolution.apply(input, self.weight, self.bias, *how)
        return found


class _FleetConv2dChannelsFirst(_FleetConv2d):
    channels_last = False


class _Mean2d(nn.AdaptiveAvgPool2d):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return input.mean((-2, -1), keepdim=True)


class _ReluThenPool2d(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        if not _computes(inputs):
            return F.max_pool2d(F.relu(inputs), 2)
        found: Tensor = _Pool.apply(inputs)
        return found


class _OfFleets(torch.autograd.Function):
    """What ``vmap`` calls for all members at once; nothing calls it for one."""

    @staticmethod
    def forward(*_arguments: Any) -> Tensor:
        raise NotImplementedError("the kernels of fleets are called inside of vmap only")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing: what ``vmap`` calls keeps what it needs."""


class _Convolution(_OfFleets):
    @staticmethod
    def vmap(
        info: Any, dims: Any, inputs: Tensor, weight: Tensor, bias: Any, channels_last: bool, *how: int
    ) -> tuple[Tensor, int]:
        tensors = zip((inputs, weight, bias), dims, strict=False)
        found = fleet_convolution(*(_members_first(tensor, dim, info.batch_size) for tensor, dim in tensors), *how)
        return found if channels_last else found.contiguous(), 0


class _Pool(_OfFleets):
    @staticmethod
    def vmap(info: Any, dims: Any, inputs: Tensor) -> tuple[Tensor, int]:
        return relu_then_pool(_members_first(inputs, dims[0], info.batch_size)), 0


def _members_first(tensor: Any, dim: int | None, members: int) -> Any:
    """A tensor with the members as its first dimension, also where all share it."""
    if tensor is None:
        return None
    return tensor.expand(members, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
