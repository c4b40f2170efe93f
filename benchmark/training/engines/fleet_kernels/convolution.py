"""A convolution of all members of a fleet, forward and backward, as it is called inside of ``vmap``."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
import triton
from torch import Tensor

from benchmark.training.engines.fleet_kernels.convolution_kernels import (
    input_gradients_kernel,
    outputs_kernel,
    weight_gradients_kernel,
)

LEAST_BLOCK = 16
"""Rows and columns that a product takes at least."""
PROGRAMS = 528
"""That keep a GPU of 132 multiprocessors busy; sums over many rows are cut in parts until there are as many."""


@dataclass(frozen=True)
class Blocks:
    """What one program of a kernel computes: rows and columns of its result, and how many products it adds at once."""

    rows: int
    columns: int
    inner: int
    warps: int
    stages: int = 3


def output_blocks(out: int) -> Blocks:
    """Of outputs [places, out channels], by sums over weights of the kernel."""
    return Blocks(256, 64, 32, warps=8) if out > 32 else Blocks(128, 32, 32, warps=4)


def weight_blocks(columns: int, precision: str) -> Blocks:
    """Of gradients of weights [columns, out channels], by sums over places."""
    if columns <= 32:
        return Blocks(32, 32, 64, warps=1)
    return Blocks(32, 64, 64, warps=2) if precision == "tf32" else Blocks(128, 64, 32, warps=4)


INPUT_BLOCKS = Blocks(128, 32, 64, warps=4)
"""Of gradients of inputs [examples, in channels], by sums over out channels."""


def fleet_convolution(inputs: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """The convolution of each member, [members, batch, channels out, height, width].

    ``inputs`` is [members, batch, channels, height, width] and ``weight`` [members, out, in, height, width], float32;
    best with the channels of ``inputs`` last in memory, as those of the outputs are.
    """
    last = inputs.permute(0, 1, 3, 4, 2)
    precision = "tf32" if torch.backends.cudnn.conv.fp32_precision == "tf32" else "tf32x3"  # type: ignore[attr-defined]
    outputs: Tensor = _FleetConvolution.apply(last, weight, bias, stride, padding, precision)
    return outputs.permute(0, 1, 4, 2, 3)


class _FleetConvolution(torch.autograd.Function):
    """With channels last; ``tf32x3`` adds three products of TF32, which together err less than one of float32."""

    # long because autograd wants all that a convolution is of in one call
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int, precision: str
    ) -> Tensor:
        padded = F.pad(inputs, (0, 0, *(padding,) * 4)) if padding else inputs.contiguous()
        ctx.save_for_backward(padded, weight)
        ctx.stride, ctx.padding, ctx.precision, ctx.has_bias = stride, padding, precision, bias is not None
        members, examples, height, width, channels = padded.shape
        out, *kernel = weight.shape[1], *weight.shape[-2:]
        places = [(length - size) // stride + 1 for length, size in zip((height, width), kernel, strict=True)]
        outputs = padded.new_empty(members, examples, *places, out)
        rows, columns = examples * places[0] * places[1], kernel[0] * kernel[1] * channels
        blocks = output_blocks(out)
        block = min(blocks.columns, _block(out))
        outputs_kernel[triton.cdiv(rows, blocks.rows) * triton.cdiv(out, block), members](
            padded, weight.permute(0, 3, 4, 2, 1).contiguous(), bias if bias is not None else padded, outputs,
            padded.stride(0), rows, columns, out, *_geometry(padded, kernel, stride, places), bias is not None,
            blocks.rows, block, min(blocks.inner, _block(columns)), precision,
            num_warps=blocks.warps, num_stages=blocks.stages,
        )  # fmt: skip
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        padded, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        found, bias = _weight_gradients(padded, weight, gradient, ctx.stride, ctx.precision)
        inputs = _input_gradients(padded, weight, gradient, ctx) if ctx.needs_input_grad[0] else None
        return inputs, found, bias if ctx.has_bias else None, None, None, None


def _weight_gradients(
    padded: Tensor, weight: Tensor, gradient: Tensor, stride: int, precision: str
) -> tuple[Tensor, Tensor]:
    members, out, channels, *kernel = weight.shape
    places = gradient.shape[2:4]
    rows, columns = gradient[0].numel() // out, kernel[0] * kernel[1] * channels
    blocks = weight_blocks(columns, precision)
    block, high = min(blocks.columns, _block(out)), min(blocks.rows, _block(columns))
    programs = triton.cdiv(columns, high) * triton.cdiv(out, block)
    wanted = max(1, min(triton.cdiv(PROGRAMS, programs * members), triton.cdiv(rows, 4 * blocks.inner)))
    part = triton.cdiv(triton.cdiv(rows, wanted), blocks.inner) * blocks.inner
    parts = triton.cdiv(rows, part)
    found = padded.new_empty(members, parts, *kernel, channels, out)
    bias = padded.new_empty(members, parts, out)
    weight_gradients_kernel[programs * parts, members](
        padded, gradient, found, bias, padded.stride(0), rows, columns, out, part, parts,
        *_geometry(padded, kernel, stride, places), blocks.inner, block, high, precision,
        num_warps=blocks.warps, num_stages=blocks.stages,
    )  # fmt: skip
    return found.sum(1).permute(0, 4, 3, 1, 2), bias.sum(1)


def _input_gradients(padded: Tensor, weight: Tensor, gradient: Tensor, ctx: Any) -> Tensor:
    members, out, channels, *kernel = weight.shape
    examples, height, width = padded.shape[1], *(length - 2 * ctx.padding for length in padded.shape[2:4])
    found = padded.new_empty(members, examples, height, width, channels)
    rows, block = min(INPUT_BLOCKS.rows, _block(examples)), min(INPUT_BLOCKS.columns, _block(channels))
    input_gradients_kernel[triton.cdiv(examples, rows) * triton.cdiv(channels, block), height * width, members](
        gradient, weight.permute(0, 3, 4, 1, 2).contiguous(), found, examples, height, width, channels,
        *gradient.shape[2:4], out, *kernel, ctx.stride, ctx.padding, rows, block, min(INPUT_BLOCKS.inner, _block(out)),
        ctx.precision, num_warps=INPUT_BLOCKS.warps, num_stages=INPUT_BLOCKS.stages,
    )  # fmt: skip
    return found


def _geometry(padded: Tensor, kernel: list[int], stride: int, places: Any) -> tuple[int, ...]:
    """Where rows and columns of the unfolded inputs lie: places, places to the right, and distances in memory."""
    _, _, height, width, channels = padded.shape
    return (
        places[0] * places[1],
        places[1],
        height * width * channels,
        stride * width * channels,
        stride * channels,
        kernel[1] * channels,
        width * channels,
    )


def _block(size: int) -> int:
    """The least power of two that holds ``size``, and that a product can take."""
    return max(LEAST_BLOCK, 1 << (size - 1).bit_length())
