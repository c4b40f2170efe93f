"""The three products of a convolution, each for all members at once, as implicit matrix products in Triton.

Inputs are [members, batch, height, width, channels] and already padded. A row of the unfolded inputs is a place where
the kernel lies, a column one of its weights; both are offsets into the inputs, so the unfolded matrix is never stored.
Sums run in an order that is fixed by the shapes, and no sum is atomic: equal inputs give equal bits on one device.
"""

import triton
import triton.language as tl


# long because a kernel is one function whose sizes are its arguments
@triton.jit
def outputs_kernel(
    inputs, weights, bias, outputs, member_stride,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, CHANNELS: tl.constexpr,
    PLACES: tl.constexpr, WIDTH: tl.constexpr,
    EXAMPLE_STRIDE: tl.constexpr, DOWN: tl.constexpr, RIGHT: tl.constexpr, RUN: tl.constexpr, JUMP: tl.constexpr,
    HAS_BIAS: tl.constexpr, BLOCK_ROWS: tl.constexpr, BLOCK_CHANNELS: tl.constexpr, BLOCK_COLUMNS: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """Outputs [members, ROWS, CHANNELS] of inputs and weights [members, COLUMNS, CHANNELS]."""
    member = tl.program_id(1).to(tl.int64)
    channel_blocks: tl.constexpr = (CHANNELS + BLOCK_CHANNELS - 1) // BLOCK_CHANNELS
    rows = (tl.program_id(0) // channel_blocks) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)
    channels = (tl.program_id(0) % channel_blocks) * BLOCK_CHANNELS + tl.arange(0, BLOCK_CHANNELS)
    row = (rows // PLACES) * EXAMPLE_STRIDE + ((rows % PLACES) // WIDTH) * DOWN + (rows % WIDTH) * RIGHT
    inputs += member * member_stride
    weights += member * COLUMNS * CHANNELS
    total = tl.zeros((BLOCK_ROWS, BLOCK_CHANNELS), dtype=tl.float32)
    for first in range(0, COLUMNS, BLOCK_COLUMNS):
        columns = first + tl.arange(0, BLOCK_COLUMNS)
        column = (columns // RUN) * JUMP + columns % RUN
        there = columns < COLUMNS
        left = tl.load(
            inputs + (row[:, None] + column[None, :]), mask=(rows < ROWS)[:, None] & there[None, :], other=0.0
        )
        at = columns[:, None] * CHANNELS + channels[None, :]
        right = tl.load(weights + at, mask=there[:, None] & (channels < CHANNELS)[None, :], other=0.0)
        total = tl.dot(left, right, total, input_precision=PRECISION)
    if HAS_BIAS:
        total += tl.load(bias + member * CHANNELS + channels, mask=channels < CHANNELS, other=0.0)[None, :]
    at = member * ROWS * CHANNELS + rows[:, None] * CHANNELS + channels[None, :]
    tl.store(outputs + at, total, mask=(rows < ROWS)[:, None] & (channels < CHANNELS)[None, :])


# long because a kernel is one function whose sizes are its arguments
@triton.jit
def weight_gradients_kernel(
    inputs, gradients, weight_gradients, bias_gradients, member_stride,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, CHANNELS: tl.constexpr, PART: tl.constexpr, PARTS: tl.constexpr,
    PLACES: tl.constexpr, WIDTH: tl.constexpr,
    EXAMPLE_STRIDE: tl.constexpr, DOWN: tl.constexpr, RIGHT: tl.constexpr, RUN: tl.constexpr, JUMP: tl.constexpr,
    BLOCK_ROWS: tl.constexpr, BLOCK_CHANNELS: tl.constexpr, BLOCK_COLUMNS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradients of weights [members, PARTS, COLUMNS, CHANNELS] and of biases, each over PART rows of gradients."""
    member = tl.program_id(1).to(tl.int64)
    channel_blocks: tl.constexpr = (CHANNELS + BLOCK_CHANNELS - 1) // BLOCK_CHANNELS
    column_blocks: tl.constexpr = (COLUMNS + BLOCK_COLUMNS - 1) // BLOCK_COLUMNS
    channels = (tl.program_id(0) % channel_blocks) * BLOCK_CHANNELS + tl.arange(0, BLOCK_CHANNELS)
    column_block = (tl.program_id(0) // channel_blocks) % column_blocks
    part = tl.program_id(0) // (channel_blocks * column_blocks)
    columns = column_block * BLOCK_COLUMNS + tl.arange(0, BLOCK_COLUMNS)
    column = (columns // RUN) * JUMP + columns % RUN
    inputs += member * member_stride
    gradients += member * ROWS * CHANNELS
    total = tl.zeros((BLOCK_COLUMNS, BLOCK_CHANNELS), dtype=tl.float32)
    bias = tl.zeros((BLOCK_CHANNELS,), dtype=tl.float32)
    for first in range(0, PART, BLOCK_ROWS):
        rows = part * PART + first + tl.arange(0, BLOCK_ROWS)
        row = (rows // PLACES) * EXAMPLE_STRIDE + ((rows % PLACES) // WIDTH) * DOWN + (rows % WIDTH) * RIGHT
        there = rows < ROWS
        mask = (columns < COLUMNS)[:, None] & there[None, :]
        left = tl.load(inputs + (column[:, None] + row[None, :]), mask=mask, other=0.0)
        at = rows[:, None] * CHANNELS + channels[None, :]
        right = tl.load(gradients + at, mask=there[:, None] & (channels < CHANNELS)[None, :], other=0.0)
        total = tl.dot(left, right, total, input_precision=PRECISION)
        if column_block == 0:
            bias += tl.sum(right, 0)
    first_of_part = member * PARTS + part
    at = first_of_part * COLUMNS * CHANNELS + columns[:, None] * CHANNELS + channels[None, :]
    tl.store(weight_gradients + at, total, mask=(columns < COLUMNS)[:, None] & (channels < CHANNELS)[None, :])
    if column_block == 0:
        tl.store(bias_gradients + first_of_part * CHANNELS + channels, bias, mask=channels < CHANNELS)


# long because a kernel is one function whose sizes are its arguments
@triton.jit
def input_gradients_kernel(
    gradients, weights, input_gradients,
    EXAMPLES: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, INPUTS: tl.constexpr,
    OUTPUT_HEIGHT: tl.constexpr, OUTPUT_WIDTH: tl.constexpr, OUTPUTS: tl.constexpr,
    KERNEL_HEIGHT: tl.constexpr, KERNEL_WIDTH: tl.constexpr, STRIDE: tl.constexpr, PADDING: tl.constexpr,
    BLOCK_EXAMPLES: tl.constexpr, BLOCK_INPUTS: tl.constexpr, BLOCK_OUTPUTS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradients of inputs (without their padding) from weights [members, height, width, OUTPUTS, INPUTS].

    A program has one pixel of many examples, so all its rows have the same weights of the kernel over them: it goes
    through those alone, and multiplies no zeros of a padding or a stride.
    """
    member = tl.program_id(2).to(tl.int64)
    input_blocks: tl.constexpr = (INPUTS + BLOCK_INPUTS - 1) // BLOCK_INPUTS
    output_blocks: tl.constexpr = (OUTPUTS + BLOCK_OUTPUTS - 1) // BLOCK_OUTPUTS
    examples = (tl.program_id(0) // input_blocks) * BLOCK_EXAMPLES + tl.arange(0, BLOCK_EXAMPLES)
    channels = (tl.program_id(0) % input_blocks) * BLOCK_INPUTS + tl.arange(0, BLOCK_INPUTS)
    pixel = tl.program_id(1)
    # along each axis, output q - j lies under weight r + STRIDE j of the kernel
    down, right = pixel // WIDTH + PADDING, pixel % WIDTH + PADDING
    q_down, r_down = down // STRIDE, down % STRIDE
    q_right, r_right = right // STRIDE, right % STRIDE
    first_down = tl.maximum(0, q_down - OUTPUT_HEIGHT + 1)
    first_right = tl.maximum(0, q_right - OUTPUT_WIDTH + 1)
    # with + STRIDE before the division, since that of a negative number rounds towards zero
    taps_down = tl.minimum(q_down, (KERNEL_HEIGHT - 1 - r_down + STRIDE) // STRIDE - 1) - first_down + 1
    taps_right = tl.minimum(q_right, (KERNEL_WIDTH - 1 - r_right + STRIDE) // STRIDE - 1) - first_right + 1
    taps_right = tl.maximum(taps_right, 0)
    steps = tl.maximum(taps_down, 0) * taps_right * output_blocks
    gradients += member * EXAMPLES * OUTPUT_HEIGHT * OUTPUT_WIDTH * OUTPUTS
    weights += member * KERNEL_HEIGHT * KERNEL_WIDTH * OUTPUTS * INPUTS
    total = tl.zeros((BLOCK_EXAMPLES, BLOCK_INPUTS), dtype=tl.float32)
    for step in range(steps):
        outputs = (step % output_blocks) * BLOCK_OUTPUTS + tl.arange(0, BLOCK_OUTPUTS)
        tap = step // output_blocks
        j_down, j_right = first_down + tap // taps_right, first_right + tap % taps_right
        place = (q_down - j_down) * OUTPUT_WIDTH + (q_right - j_right)
        weight = (r_down + STRIDE * j_down) * KERNEL_WIDTH + r_right + STRIDE * j_right
        at = (examples[:, None] * (OUTPUT_HEIGHT * OUTPUT_WIDTH) + place) * OUTPUTS + outputs[None, :]
        there = outputs < OUTPUTS
        left = tl.load(gradients + at, mask=(examples < EXAMPLES)[:, None] & there[None, :], other=0.0)
        at = (weight * OUTPUTS + outputs[:, None]) * INPUTS + channels[None, :]
        right_side = tl.load(weights + at, mask=there[:, None] & (channels < INPUTS)[None, :], other=0.0)
        total = tl.dot(left, right_side, total, input_precision=PRECISION)
    at = member * EXAMPLES * HEIGHT * WIDTH * INPUTS + (examples[:, None] * (HEIGHT * WIDTH) + pixel) * INPUTS
    mask = (examples < EXAMPLES)[:, None] & (channels < INPUTS)[None, :]
    tl.store(input_gradients + at + channels[None, :], total, mask=mask)
