"""The gradient of a convolution's inputs where images are narrow: a row of inputs stays in registers.

A tile of inputs sees outputs that are not there, those beside the image: with a kernel of five columns a third of the
products of an image of twelve columns are with zeros. And a row of one input channel looks at some rows of all outputs,
which is more than the first-level cache has. Here a row of outputs is added to the inputs that it belongs to, so no
product is made in vain, and outputs are handled in blocks, whose gradients are laid side by side before.
"""

import math
from typing import Any

from benchmark.training.engines.sparse.chain import Node
from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.convolution import steps
from benchmark.training.engines.sparse.kernels.image_rows import (
    OUTPUTS,
    PIXELS,
    WIDEST,
    lanes_of_row,
    pixel_copy,
    row_add_products,
    row_load,
    row_store,
    row_where_positive,
)
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.table import Buffer, Kind, Op

IN_CACHE = 1040
"""Registers of outputs, about, that a row of inputs looks at in one block: a first-level cache of 32 KB where registers
have 32 bytes."""
LARGEST = 128
"""Pixels of the largest image whose outputs are laid side by side: of a larger one a block is more than caches hold."""
_SPARE = 1 + 2 * PIXELS
"""Vectors before a block: zeros, a row of inputs and a row of what they are masked with, put together."""


def block_of(node: Node) -> int:
    """How many outputs of a convolution are handled together; 0 where its images are not narrow."""
    (_, height, width), (kernel_height, kernel_width), wide = node.outputs, node.kernel, row_width(node)
    narrow = node.stride == (1, 1) and kernel_width <= WIDEST and 3 * wide <= 4 * width and height * wide <= LARGEST
    if node.kind != Kind.CONVOLUTION or not narrow:
        return 0
    most = max(1, IN_CACHE // (kernel_height * OUTPUTS))
    blocks = -(-node.outputs[0] // most)
    return -(-node.outputs[0] // blocks)


def row_width(node: Node) -> int:
    """Pixels from one row of a block to the next: those behind an image are zero."""
    return -(-node.outputs[2] // OUTPUTS) * OUTPUTS


def laid_out(node: Node) -> int:
    """Numbers of a block of outputs and of its weights, and of what stands before them."""
    block = block_of(node)
    weights = -(-block * math.prod(node.weight_shape[1:]) // LANES)
    return (_SPARE + block * node.outputs[1] * row_width(node) + weights) * LANES


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def transposed(
    op: Any,
    here: Any,
    there: Any,
    seen: Any,
    groups: Any,
    weights: Any,
    index: Any,
    places: Any,
    columns: Any,
    space: Any,
) -> None:
    """The gradient of the inputs, ``dx = Wᵀ d``, zero where an input that came out of ReLU is.

    ``here``, ``there`` and ``seen`` are the buffers, all of them of ``space``, of ``d``, ``dx`` and the inputs;
    ``columns`` [blocks · channels · kernel width · kernel height + 1] says which of ``index`` (a weight's number) and
    ``places`` are those of each row of each column of the kernel of each input channel of each block.
    """
    lanes, outputs, block, height = lanes_of_row(space), op[Op.OUT_CHANNELS], op[Op.BLOCK], op[Op.OUT_HEIGHT]
    wide = -(-op[Op.OUT_WIDTH] // OUTPUTS) * OUTPUTS
    kept, apart = op[Op.SAVED] + _SPARE * LANES, op[Op.CHANNELS] * op[Op.KERNEL_WIDTH] * op[Op.KERNEL_HEIGHT]
    values = kept + block * op[Op.OUT_HEIGHT] * wide * LANES
    for g in range(groups[0], groups[1]):
        for first in range(0, outputs, block):
            several, ends = min(block, outputs - first), (first == 0, first + block >= outputs)
            begins = first // block * apart
            numbers = values - columns[begins]  # weight n of the index stands at number ``numbers + n``
            for n in range(columns[begins], columns[begins + apart]):
                space[numbers + n] = weights[index[n]]
            for lane in range(0, LANES, lanes):
                _lay_out(op, here, g, first, several, lane, wide, space, kept)
                for row in range(op[Op.HEIGHT]):
                    down = row + op[Op.PADDING_HEIGHT]
                    seeing = max(0, down - height + 1), min(op[Op.KERNEL_HEIGHT], down + 1)
                    for left in range(0, wide, OUTPUTS):
                        which, at = (g, row, left, lane), kept + (down * wide + left) * lanes
                        _add_row(op, there, seen, which, begins, seeing, ends, numbers, places, columns, space, at)


# long because compiled code is given its arrays one by one
@compiled
def _lay_out(
    op: Any, here: Any, group: int, first: int, several: int, lane: int, wide: int, space: Any, there: int
) -> None:
    """Some lanes of the gradients of some outputs, row by row."""
    lanes = lanes_of_row(space)
    d_first, d_group, d_image, d_row, d_column = steps(here)
    for output in range(several):
        for row in range(op[Op.OUT_HEIGHT]):
            at = d_first + group * d_group + (first + output) * d_image + row * d_row + lane
            to = there + (output * op[Op.OUT_HEIGHT] + row) * wide * lanes
            for column in range(op[Op.OUT_WIDTH]):
                pixel_copy(space, at + column * d_column, to + column * lanes)


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def _add_row(
    op: Any,
    there: Any,
    seen: Any,
    which: Any,
    begins: int,
    seeing: Any,
    ends: Any,
    numbers: int,
    places: Any,
    columns: Any,
    space: Any,
    at: int,
) -> None:
    """To a row of every input channel add what a block of outputs, which is laid out ``at`` that row, gives to it.

    ``which`` is its group, its number, the first column of the outputs and the first lane; ``begins`` where the
    block's columns begin, ``seeing`` which rows of the kernel see the image; ``ends`` whether this block is the first
    one and the last one.
    """
    group, row, left, lane = which
    kernel, lanes = (op[Op.KERNEL_HEIGHT], op[Op.KERNEL_WIDTH]), lanes_of_row(space)
    zeros, masked = op[Op.SAVED], ends[1] and seen[Buffer.RELU]
    dx_first, dx_group, dx_image, dx_row, dx_column = steps(there)
    x_first, x_group, x_image, x_row, x_column = steps(seen)
    # of the pixels that these outputs belong to those from ``low`` to before ``high`` are within the image
    begin = left - op[Op.PADDING_WIDTH]
    low, high = max(0, -begin), min(PIXELS, op[Op.WIDTH] - begin)
    known = high if not ends[0] else (low if left == 0 else min(high, kernel[1] - 1))
    to = dx_first + group * dx_group + row * dx_row + begin * dx_column + lane
    source = x_first + group * x_group + row * x_row + begin * x_column + lane
    whole, made = low == 0 and high == PIXELS, zeros + LANES
    before = _row(low, known, (to, dx_image, dx_column), made, zeros, lanes)
    mask = _row(low, high, (source, x_image, x_column), made + PIXELS * lanes, zeros, lanes)
    for channel in range(op[Op.CHANNELS]):
        if before[0] == made:
            _put_together(space, to + channel * dx_image, dx_column, low, known, zeros, made)
        if masked and not whole:
            _put_together(space, source + channel * x_image, x_column, low, high, zeros, mask[0])
        first = begins + channel * kernel[0] * kernel[1]
        pixels = row_load(space, before[0] + channel * before[1], before[2])
        pixels = row_add_products(pixels, numbers, places, columns, first, kernel, seeing, space, at)
        if masked:
            pixels = row_where_positive(pixels, space, mask[0] + channel * mask[1], mask[2])
        if whole:
            row_store(pixels, space, to + channel * dx_image, dx_column)
        else:
            row_store(pixels, space, made, lanes)
            for pixel in range(low, high):
                pixel_copy(space, made + pixel * lanes, to + channel * dx_image + pixel * dx_column)


@compiled
def _row(low: int, high: int, stored: tuple[int, int, int], made: int, zeros: int, lanes: int) -> tuple[int, int, int]:
    """Where a row whose pixels from ``low`` to before ``high`` exist is read: its begin, and its steps.

    They lead to the next channel and to the next pixel. It is ``stored`` whole, or ``made`` of what is there.
    """
    if low >= high:
        return zeros, 0, 0
    if low == 0 and high == PIXELS:
        return stored
    return made, 0, lanes


# long because compiled code is given its arrays one by one
@compiled
def _put_together(space: Any, at: int, step: int, low: int, high: int, zeros: int, there: int) -> None:
    """A row whose pixels from ``low`` to before ``high`` exist: the others are zero."""
    lanes = lanes_of_row(space)
    for pixel in range(PIXELS):
        inside = low <= pixel < high
        pixel_copy(space, at + pixel * step if inside else zeros, there + pixel * lanes)
