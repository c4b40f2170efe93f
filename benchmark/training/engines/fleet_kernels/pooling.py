"""ReLU and a maximum over windows of 2×2, of all members of a fleet, in one kernel forward and one backward.

The maximum of what ReLU leaves is what ReLU leaves of the maximum, and so are the gradients: a window whose maximum is
not above zero passes nothing back, and any other to its first place with the maximum.
"""

from typing import Any

import torch
import triton
from torch import Tensor

from benchmark.training.engines.fleet_kernels.pooling_kernels import pool_kernel, unpool_kernel

BLOCK = 1024


def relu_then_pool(inputs: Tensor) -> Tensor:
    """The maximum over each 2×2 window of ReLU, [members, batch, channels, height // 2, width // 2].

    ``inputs`` is [members, batch, channels, height, width], best with channels last in memory, as the outputs are.
    """
    outputs: Tensor = _ReluThenPool.apply(inputs.permute(0, 1, 3, 4, 2))
    return outputs.permute(0, 1, 4, 2, 3)


class _ReluThenPool(torch.autograd.Function):
    """With channels last."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> Tensor:
        members, examples, height, width, channels = inputs.shape
        outputs = inputs.new_empty(members, examples, height // 2, width // 2, channels)
        places = torch.empty_like(outputs, dtype=torch.int8)
        grid = (triton.cdiv(outputs.numel(), BLOCK),)
        pool_kernel[grid](inputs.contiguous(), outputs, places, outputs.numel(), channels, height, width, BLOCK)
        ctx.save_for_backward(places)
        ctx.shape = inputs.shape
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (places,) = ctx.saved_tensors
        _, _, height, width, channels = ctx.shape
        whole = height % 2 == width % 2 == 0  # otherwise a row or a column lies in no window
        found = gradients[0].new_empty(ctx.shape) if whole else gradients[0].new_zeros(ctx.shape)
        grid = (triton.cdiv(places.numel(), BLOCK),)
        unpool_kernel[grid](gradients[0].contiguous(), places, found, places.numel(), channels, height, width, BLOCK)
        return found
