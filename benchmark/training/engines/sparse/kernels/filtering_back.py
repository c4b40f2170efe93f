"""The gradient of the inputs of a convolution of which most weights are active, by products at points.

It is what `filtering` does forward, transposed: gradients of the outputs become values at points, are multiplied there
with the weights that the forward pass has left at points, and what is summed up becomes gradients of inputs. An input
has the sums of two neighbouring blocks.
"""

import math
from typing import Any

from benchmark.training.engines.sparse.chain import Node
from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels import filtering
from benchmark.training.engines.sparse.kernels.convolution import steps
from benchmark.training.engines.sparse.kernels.image_rows import lanes_of_row, pixel_copy, pixel_where_positive
from benchmark.training.engines.sparse.kernels.points import KERNEL, OUTPUTS, POINTS, write_gradients
from benchmark.training.engines.sparse.kernels.points_back import BLOCKS, CHANNELS, add_inputs, write_sums
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.table import Buffer, Op

MOST_PIXELS = 2**17
"""Of all outputs: their gradients at points take 16 MB then, in every thread."""


def fits(node: Node) -> bool:
    """Whether the gradient of a node's inputs can be computed so."""
    large = node.inputs[0] >= CHANNELS and node.outputs[2] >= BLOCKS * OUTPUTS
    return filtering.fits(node) and large and math.prod(node.outputs) <= MOST_PIXELS


def numbers_of(node: Node) -> int:
    """Numbers that a convolution needs in the workspace: what `filtering` needs, and room for this way back."""
    if not fits(node):
        return filtering.numbers_of(node)
    outputs, height, width = node.outputs
    blocks = width // OUTPUTS
    return filtering.numbers_of(node) + (outputs * POINTS * (height * blocks + 1) + (blocks + 1) * OUTPUTS) * LANES


@compiled
def _to_next_output(op: Any, lanes: int) -> int:
    """Numbers from one output's gradients at a point to the next one's.

    It is a vector more than an output has, or too many of them would share the same lines of a cache.
    """
    numbers: int = (op[Op.OUT_HEIGHT] * (op[Op.OUT_WIDTH] // OUTPUTS) + 1) * lanes
    return numbers


@compiled
def transposed(op: Any, here: Any, there: Any, seen: Any, groups: Any, space: Any) -> None:
    """The gradient of the inputs, ``dx = Wᵀ d``, zero where an input that came out of ReLU is.

    ``here``, ``there`` and ``seen`` are the buffers, all of them of ``space``, of ``d``, ``dx`` and the inputs. The
    weights are those of the forward pass, at points, and the values of the inputs there are overwritten.
    """
    lanes = lanes_of_row(space)
    _, inputs, _, _, _, gradients = filtering.layout(op, lanes)
    for g in range(groups[0], groups[1]):
        for lane in range(0, LANES, lanes):
            _write_gradients(op, here, g, lane, space, gradients)
            for point in range(POINTS):
                _write_sums(op, point, space)
            _write_inputs(op, there, seen, g, lane, space, inputs)


@compiled
def _write_gradients(op: Any, here: Any, group: int, lane: int, space: Any, there: int) -> None:
    """The gradients of all outputs at each point, [points, outputs, rows, blocks of a row], some lanes of them."""
    lanes, blocks, outputs = lanes_of_row(space), op[Op.OUT_WIDTH] // OUTPUTS, op[Op.OUT_CHANNELS]
    first, d_group, image, row, column = steps(here)
    apart = _to_next_output(op, lanes)
    for output in range(outputs):
        start, to = first + group * d_group + output * image + lane, there + output * apart
        for line in range(op[Op.OUT_HEIGHT]):
            for block in range(blocks):
                source = start + line * row + block * OUTPUTS * column
                write_gradients(space, source, column, to + (line * blocks + block) * lanes, outputs * apart)


@compiled
def _write_sums(op: Any, point: int, space: Any) -> None:
    """What the gradients of all outputs give to the inputs at a point, [channels, rows, blocks of a row]."""
    lanes, blocks, outputs, channels = lanes_of_row(space), *_counts(op)
    _, inputs, _, _, numbers, gradients = filtering.layout(op, lanes)
    height, rows, apart = op[Op.OUT_HEIGHT], op[Op.OUT_HEIGHT] + KERNEL - 1, _to_next_output(op, lanes)
    for row in range(op[Op.PADDING_HEIGHT], op[Op.PADDING_HEIGHT] + op[Op.HEIGHT]):
        first, end = max(0, row - height + 1), min(KERNEL, row + 1)  # lines of the kernel that see the image
        for begin in range(0, channels, CHANNELS):
            channel = min(begin, channels - CHANNELS)
            weights = numbers + (point * channels + channel) * KERNEL + first
            for each in range(0, blocks, BLOCKS):
                block = min(each, blocks - BLOCKS)
                write_sums(
                    space,
                    (weights, POINTS * channels * KERNEL),
                    (gradients + point * outputs * apart + ((row - first) * blocks + block) * lanes, blocks * lanes),
                    apart,
                    (outputs, end - first),
                    (
                        inputs + ((point * channels + channel) * rows * blocks + row * blocks + block) * lanes,
                        rows * blocks * lanes,
                    ),
                )


@compiled
def _counts(op: Any) -> tuple[int, int, int]:
    """Blocks of a row, outputs, and channels of the inputs."""
    return op[Op.OUT_WIDTH] // OUTPUTS, op[Op.OUT_CHANNELS], op[Op.CHANNELS]


# long because compiled code is given its arrays one by one
@compiled
def _write_inputs(op: Any, there: Any, seen: Any, group: int, lane: int, space: Any, inputs: int) -> None:
    """The gradients of the inputs, of the sums at each point: of a row at a time, with the border around the image."""
    lanes, blocks, outputs, channels = lanes_of_row(space), *_counts(op)
    apart = (op[Op.OUT_HEIGHT] + KERNEL - 1) * blocks * lanes
    made = filtering.layout(op, lanes)[5] + outputs * POINTS * _to_next_output(op, lanes)
    dx_first, dx_group, dx_image, dx_row, dx_column = steps(there)
    x_first, x_group, x_image, x_row, x_column = steps(seen)
    for channel in range(channels):
        for row in range(op[Op.HEIGHT]):
            space[made : made + OUTPUTS * lanes] = 0
            for block in range(blocks):
                at = inputs + channel * apart + ((row + op[Op.PADDING_HEIGHT]) * blocks + block) * lanes
                add_inputs(space, at, channels * apart, made + block * OUTPUTS * lanes)
            to = dx_first + group * dx_group + channel * dx_image + row * dx_row + lane
            mask = x_first + group * x_group + channel * x_image + row * x_row + lane
            for column in range(op[Op.WIDTH]):
                pixel, place = made + (column + op[Op.PADDING_WIDTH]) * lanes, to + column * dx_column
                if seen[Buffer.RELU]:
                    pixel_where_positive(space, pixel, mask + column * x_column, place)
                else:
                    pixel_copy(space, pixel, place)
