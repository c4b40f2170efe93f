"""Convolutions of which most weights are active, by products at points: with fewer multiplications than weights need.

An ERK mask leaves the first convolution of a network full, or nearly so. There a kernel of five rows and columns
takes 40 multiply-adds for four outputs, in place of 100 (see `points`), whatever of it is inactive. Sums are in other
orders than those of `convolution`, so results differ from them by some roundings.
"""

import math
from typing import Any

from benchmark.training.engines.sparse.chain import Node
from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.convolution import reading_steps, steps
from benchmark.training.engines.sparse.kernels.image_rows import lanes_of_row
from benchmark.training.engines.sparse.kernels.points import (
    BLOCKS,
    KERNEL,
    ONE,
    OUTPUTS,
    POINTS,
    SEVERAL,
    WEIGHTS,
    add_products,
    write_gradients,
    write_inputs,
    write_outputs,
    write_products,
)
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.table import Buffer, Kind, Op

STRIP = 18
"""Blocks whose gradients at all points are written before they are read: with what they see of the inputs they stay in
the first-level cache, and two rows of LeNet-5's first convolution are twelve."""
MOST_KERNELS = 4096
"""Pairs of an input and an output channel, at most: their sums take 2.5 KB each in every thread."""
FULL = (1, 2)
"""Share of a layer's weights from which on this costs less than a product for each of them."""


def fits(node: Node) -> bool:
    """Whether a node is a convolution that can be computed so."""
    if node.kind != Kind.CONVOLUTION:
        return False
    outputs, height, width = node.outputs
    whole = width % OUTPUTS == 0 and height * width >= OUTPUTS * BLOCKS
    small = outputs * node.inputs[0] <= MOST_KERNELS
    return node.kernel == (KERNEL, KERNEL) and node.stride == (1, 1) and whole and small


def numbers_of(node: Node) -> int:
    """Numbers that it needs in the workspace."""
    outputs, channels = node.outputs[0], node.inputs[0]
    lines = -(-outputs // SEVERAL) * SEVERAL * POINTS * channels * KERNEL
    seen = POINTS * channels * (node.outputs[1] + KERNEL - 1) * (node.outputs[2] // OUTPUTS)
    return (lines + lines // LANES + 1 + seen + SEVERAL * POINTS * (BLOCKS + STRIP)) * LANES


@compiled
def is_full(op: Any, rows: Any) -> bool:
    """Whether a network has so many of the layer's weights that it is to be computed so."""
    weights = op[Op.OUT_CHANNELS] * op[Op.CHANNELS] * KERNEL * KERNEL
    found: bool = FULL[1] * (rows[-1] - rows[0]) >= FULL[0] * weights
    return found


@compiled
def layout(op: Any, lanes: int) -> tuple[int, int, int, int, int, int]:
    """Where sums, inputs, products, gradients and weights at points begin in the workspace, and where all of it ends.

    The room of `filtering_back` begins there.
    """
    outputs = (op[Op.OUT_CHANNELS] + SEVERAL - 1) // SEVERAL * SEVERAL
    sums = op[Op.POINTS]
    inputs = sums + outputs * POINTS * op[Op.CHANNELS] * KERNEL * lanes
    products = inputs + POINTS * op[Op.CHANNELS] * _seen(op) * LANES
    gradients = products + SEVERAL * POINTS * BLOCKS * lanes
    numbers = gradients + SEVERAL * POINTS * STRIP * lanes
    return sums, inputs, products, gradients, numbers, numbers + outputs * POINTS * op[Op.CHANNELS] * KERNEL


@compiled
def _seen(op: Any) -> int:
    """Blocks of the inputs of one channel."""
    seen: int = (op[Op.OUT_HEIGHT] + KERNEL - 1) * (op[Op.OUT_WIDTH] // OUTPUTS)
    return seen


@compiled
def _where(here: Any, place: int) -> tuple[int, int, int]:
    """Channel, row and column of a weight that looks at a place."""
    image, width = here[Buffer.HEIGHT] * here[Buffer.WIDTH], here[Buffer.WIDTH]
    return place // image, place % image // width, place % width


# long because compiled code is given its arrays one by one
@compiled
def _write_weights(op: Any, here: Any, weights: Any, places: Any, rows: Any, space: Any, at: int) -> None:
    """The weights at each point, [outputs, points, channels, rows of the kernel]."""
    channels, outputs = op[Op.CHANNELS], op[Op.OUT_CHANNELS]
    space[at : at + outputs * POINTS * channels * KERNEL] = 0
    for output in range(outputs):
        for n in range(rows[output], rows[output + 1]):
            channel, line, column = _where(here, places[n])
            for point in range(POINTS):
                to = at + ((output * POINTS + point) * channels + channel) * KERNEL + line
                space[to] += WEIGHTS[point, column] * weights[n]


@compiled
def lay_out_inputs(op: Any, here: Any, group: int, x: Any, space: Any) -> None:
    """The inputs of a group at each point, [parts of the lanes, points, channels, rows, blocks of a row]."""
    lanes, blocks, seen = lanes_of_row(space), op[Op.OUT_WIDTH] // OUTPUTS, _seen(op)
    at = layout(op, lanes)[1]
    first, x_group, row, column = reading_steps(op, here)
    image, apart = LANES * here[Buffer.HEIGHT] * here[Buffer.WIDTH], op[Op.CHANNELS] * seen * lanes
    for channel in range(op[Op.CHANNELS]):
        start, to = first + group * x_group + channel * image, at + channel * seen * lanes
        for line in range(op[Op.OUT_HEIGHT] + KERNEL - 1):
            for block in range(blocks):
                source, there = start + line * row + block * OUTPUTS * column, to + (line * blocks + block) * lanes
                for lane in range(0, LANES, lanes):
                    write_inputs(x, source + lane, column, space, there + lane // lanes * POINTS * apart, apart)


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def forward(
    op: Any, here: Any, there: Any, groups: Any, x: Any, weights: Any, places: Any, rows: Any, bias: Any, space: Any
) -> None:
    """``y = W x + b``, with ReLU where the operation says so; as `convolution.forward`, into ``space``."""
    lanes, channels, seen = lanes_of_row(space), op[Op.CHANNELS], _seen(op)
    _, inputs, products, _, numbers, _ = layout(op, lanes)
    blocks, outputs, kind = op[Op.OUT_WIDTH] // OUTPUTS, op[Op.OUT_CHANNELS], space.dtype.type
    every, apart = op[Op.OUT_HEIGHT] * blocks, POINTS * channels * seen
    lowest, nothing = kind(0) if op[Op.RELU] else kind(-math.inf), (kind(0), kind(0))
    if groups[0] == 0:
        _write_weights(op, here, weights, places, rows, space, numbers)
    for g in range(groups[0], groups[1]):
        lay_out_inputs(op, here, g, x, space)
        for begin in range(0, every, BLOCKS):
            some = min(begin, every - BLOCKS)
            for output in range(0, outputs, SEVERAL):
                biases = bias[output], bias[min(output + 1, outputs - 1)]
                for lane in range(0, LANES, lanes):
                    for point in range(POINTS):
                        at = numbers + (output * POINTS + point) * channels * KERNEL
                        reads = inputs + lane * apart + (point * channels * seen + some) * lanes
                        write_products(
                            space,
                            biases if point == ONE else nothing,
                            (at, POINTS * channels * KERNEL),
                            (reads, blocks * lanes, seen * lanes),
                            channels,
                            (products + point * BLOCKS * lanes, POINTS * BLOCKS * lanes),
                        )
                    for n in range(min(SEVERAL, outputs - output)):
                        made = products + n * POINTS * BLOCKS * lanes
                        _write_outputs(op, there, (g, lane, output + n), some, lowest, space, made)


@compiled
def _row_of(op: Any, there: Any, which: Any, begin: int) -> tuple[int, int, int, int]:
    """Where the row of block number ``begin`` of an output begins, which of its blocks that is, and steps from there.

    ``which`` is group, first lane and output; the steps are numbers to the next row and to the next column.
    """
    group, lane, output = which
    blocks = op[Op.OUT_WIDTH] // OUTPUTS
    first, apart, image, row, column = steps(there)
    start = first + group * apart + output * image + lane + begin // blocks * row
    return start, begin % blocks, row, column


# long because compiled code is given its arrays one by one
@compiled
def _write_outputs(op: Any, there: Any, which: Any, begin: int, lowest: float, space: Any, at: int) -> None:
    """Some blocks of an output, of their products at each point; ``which`` is as in :func:`_row_of`."""
    lanes, blocks = lanes_of_row(space), op[Op.OUT_WIDTH] // OUTPUTS
    start, block, row, column = _row_of(op, there, which, begin)
    for n in range(BLOCKS):
        write_outputs(space, at + n * lanes, BLOCKS * lanes, lowest, start + block * OUTPUTS * column, column)
        block += 1
        if block == blocks:
            block, start = 0, start + row


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def weight_gradient(
    op: Any, here: Any, there: Any, groups: Any, last: int, x: Any, places: Any, rows: Any, out: Any, space: Any
) -> None:
    """Into ``out``, in the order of the weights, once the ``last`` group has come; as `convolution.weight_gradient`.

    ``here`` and ``there`` are the buffers of ``x`` and of the gradient, which is in ``space``.
    """
    every = op[Op.OUT_HEIGHT] * (op[Op.OUT_WIDTH] // OUTPUTS)
    if groups[0] == 0:
        clear_sums(op, space)
    for g in range(groups[0], groups[1]):
        lay_out_inputs(op, here, g, x, space)
        for begin in range(0, every, STRIP):
            count = min(STRIP, every - begin)
            for output in range(0, op[Op.OUT_CHANNELS], SEVERAL):
                add_blocks(op, there, (g, output), (begin, count), (output, begin), space)
    if groups[1] == last:
        write_totals(op, here, places, rows, space, out)


@compiled
def clear_sums(op: Any, space: Any) -> None:
    """Begin the sums of a batch, [outputs, points, channels, rows of the kernel]."""
    sums, inputs, _, _, _, _ = layout(op, lanes_of_row(space))
    space[sums:inputs] = 0


@compiled
def add_blocks(op: Any, there: Any, which: Any, blocks: Any, source: Any, space: Any) -> None:
    """Add what some blocks of :data:`SEVERAL` outputs of a group give, whose gradients are in the buffer ``there``.

    ``which`` is the group and the first output, ``blocks`` the first block and how many there are; their gradients are
    those of the outputs from number ``source[0]`` on, from block ``source[1]`` on.
    """
    lanes, channels, seen = lanes_of_row(space), op[Op.CHANNELS], _seen(op)
    sums, inputs, _, gradients, _, _ = layout(op, lanes)
    (group, output), (begin, count) = which, blocks
    further, apart = POINTS * channels * KERNEL * lanes, POINTS * channels * seen
    for lane in range(0, LANES, lanes):
        for n in range(min(SEVERAL, op[Op.OUT_CHANNELS] - output)):
            to = gradients + n * POINTS * STRIP * lanes
            _write_gradients(op, there, (group, lane, source[0] + n), source[1], count, space, to)
        for each in range(POINTS * channels):
            add_products(
                space,
                (gradients + each // channels * STRIP * lanes, POINTS * STRIP * lanes),
                (inputs + lane * apart + (each * seen + begin) * lanes, op[Op.OUT_WIDTH] // OUTPUTS * lanes),
                count,
                (sums + output * further + each * KERNEL * lanes, further),
            )


# long because compiled code is given its arrays one by one
@compiled
def _write_gradients(op: Any, there: Any, which: Any, begin: int, count: int, space: Any, at: int) -> None:
    """The gradients of some blocks of an output at each point; ``which`` is as in :func:`_row_of`."""
    lanes, blocks = lanes_of_row(space), op[Op.OUT_WIDTH] // OUTPUTS
    start, block, row, column = _row_of(op, there, which, begin)
    for n in range(count):
        write_gradients(space, start + block * OUTPUTS * column, column, at + n * lanes, STRIP * lanes)
        block += 1
        if block == blocks:
            block, start = 0, start + row


@compiled
def write_totals(op: Any, here: Any, places: Any, rows: Any, space: Any, out: Any) -> None:
    """The gradients of the weights, of the sums at each point of each row of their kernels."""
    lanes, channels = lanes_of_row(space), op[Op.CHANNELS]
    sums = layout(op, lanes)[0]
    for each in range((rows.size - 1) * POINTS * channels * KERNEL):
        found = space[sums + each * lanes]
        for lane in range(1, lanes):
            found += space[sums + each * lanes + lane]
        space[sums + each * lanes] = found
    for output in range(rows.size - 1):
        for n in range(rows[output], rows[output + 1]):
            channel, line, column = _where(here, places[n])
            found = out.dtype.type(0)
            for point in range(POINTS):
                which = ((output * POINTS + point) * channels + channel) * KERNEL + line
                found += WEIGHTS[point, column] * space[sums + which * lanes]
            out[n] = found
