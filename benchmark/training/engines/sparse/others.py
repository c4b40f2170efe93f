"""The operations without weights: pooling and dropout, forward and backward.

Each takes its row of the table of operations, the buffers that it reads and writes, and the groups of lanes that it
handles; a backward pass writes zeros where an input that came out of ReLU is not positive.
"""

from typing import Any

from benchmark.training.engines.sparse.products import compiled
from benchmark.training.engines.sparse.table import Buffer, Op
from benchmark.training.engines.sparse.vectors import LANES


@compiled
def place(buffer: Any, group: int, channel: int, row: int, column: int) -> int:
    """The index of the first lane of a pixel."""
    position = buffer[Buffer.FIRST] + row * buffer[Buffer.ROW] + column * buffer[Buffer.PIXEL]
    position += channel * buffer[Buffer.HEIGHT] * buffer[Buffer.WIDTH]
    return buffer[Buffer.START] + group * buffer[Buffer.GROUP] + position * buffer[Buffer.UNIT]


@compiled
def max_pooling(op: Any, here: Any, there: Any, groups: Any, x: Any, y: Any, memory: Any) -> None:
    """The maximum of each window; ``memory`` keeps which pixel of the window it was (the first of equals)."""
    right, down = here[Buffer.PIXEL] * here[Buffer.UNIT], here[Buffer.ROW] * here[Buffer.UNIT]
    images = op[Op.OUT_CHANNELS] * op[Op.OUT_HEIGHT] * op[Op.OUT_WIDTH]
    for g in range(groups[0], groups[1]):
        kept = op[Op.STATE] + g * images * LANES
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    at = place(here, g, channel, row * op[Op.STRIDE_HEIGHT], column * op[Op.STRIDE_WIDTH])
                    to = place(there, g, channel, row, column)
                    source, best = x[at : at + LANES], y[to : to + LANES]
                    which = memory[kept : kept + LANES]
                    for lane in range(LANES):
                        best[lane] = source[lane]
                        which[lane] = 0
                    for number in range(1, op[Op.KERNEL_HEIGHT] * op[Op.KERNEL_WIDTH]):
                        i, j = number // op[Op.KERNEL_WIDTH], number % op[Op.KERNEL_WIDTH]
                        source = x[at + i * down + j * right : at + i * down + j * right + LANES]
                        for lane in range(LANES):
                            value, old = source[lane], best[lane]
                            more = value > old or value != value  # what is not a number is shown, as in torch
                            best[lane] = value if more else old
                            which[lane] = number if more else which[lane]
                    if op[Op.RELU]:
                        for lane in range(LANES):
                            best[lane] = 0 if best[lane] <= 0 else best[lane]
                    kept += LANES


@compiled
def max_pooling_back(
    op: Any, here: Any, there: Any, seen: Any, groups: Any, d: Any, dx: Any, x: Any, memory: Any
) -> None:
    """Each gradient goes to the pixel that was the maximum."""
    right, down = there[Buffer.PIXEL] * there[Buffer.UNIT], there[Buffer.ROW] * there[Buffer.UNIT]
    images = op[Op.OUT_CHANNELS] * op[Op.OUT_HEIGHT] * op[Op.OUT_WIDTH]
    window = op[Op.KERNEL_HEIGHT] * op[Op.KERNEL_WIDTH]
    tiled = op[Op.STRIDE_HEIGHT] == op[Op.KERNEL_HEIGHT] and op[Op.STRIDE_WIDTH] == op[Op.KERNEL_WIDTH]
    tiled = tiled and op[Op.OUT_HEIGHT] * op[Op.STRIDE_HEIGHT] == op[Op.HEIGHT]
    tiled = tiled and op[Op.OUT_WIDTH] * op[Op.STRIDE_WIDTH] == op[Op.WIDTH]
    if not tiled:
        clear(op, there, groups, dx)
    for g in range(groups[0], groups[1]):
        kept = op[Op.STATE] + g * images * LANES
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    at = place(here, g, channel, row, column)
                    to = place(there, g, channel, row * op[Op.STRIDE_HEIGHT], column * op[Op.STRIDE_WIDTH])
                    source, which = d[at : at + LANES], memory[kept : kept + LANES]
                    for number in range(window):
                        i, j = number // op[Op.KERNEL_WIDTH], number % op[Op.KERNEL_WIDTH]
                        target = dx[to + i * down + j * right : to + i * down + j * right + LANES]
                        if tiled:
                            for lane in range(LANES):
                                target[lane] = source[lane] if which[lane] == number else 0
                        else:
                            for lane in range(LANES):
                                target[lane] += source[lane] if which[lane] == number else 0
                    kept += LANES
    if seen[Buffer.RELU]:
        mask(op, seen, there, groups, x, dx)


@compiled
def mean_pooling(op: Any, here: Any, there: Any, groups: Any, x: Any, y: Any) -> None:
    """The mean of each window."""
    scale = x.dtype.type(1 / (op[Op.KERNEL_HEIGHT] * op[Op.KERNEL_WIDTH]))
    for g in range(groups[0], groups[1]):
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    to = place(there, g, channel, row, column)
                    sums = y[to : to + LANES]
                    sums[:] = 0
                    for i in range(op[Op.KERNEL_HEIGHT]):
                        for j in range(op[Op.KERNEL_WIDTH]):
                            top, left = row * op[Op.STRIDE_HEIGHT] + i, column * op[Op.STRIDE_WIDTH] + j
                            at = place(here, g, channel, top, left)
                            source = x[at : at + LANES]
                            for lane in range(LANES):
                                sums[lane] += source[lane]
                    for lane in range(LANES):
                        mean = sums[lane] * scale
                        sums[lane] = 0 if op[Op.RELU] and mean <= 0 else mean


@compiled
def mean_pooling_back(op: Any, here: Any, there: Any, seen: Any, groups: Any, d: Any, dx: Any, x: Any) -> None:
    """Each gradient is shared by the pixels of its window."""
    scale = x.dtype.type(1 / (op[Op.KERNEL_HEIGHT] * op[Op.KERNEL_WIDTH]))
    clear(op, there, groups, dx)
    for g in range(groups[0], groups[1]):
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    at = place(here, g, channel, row, column)
                    source = d[at : at + LANES]
                    for i in range(op[Op.KERNEL_HEIGHT]):
                        for j in range(op[Op.KERNEL_WIDTH]):
                            top, left = row * op[Op.STRIDE_HEIGHT] + i, column * op[Op.STRIDE_WIDTH] + j
                            to = place(there, g, channel, top, left)
                            target = dx[to : to + LANES]
                            for lane in range(LANES):
                                target[lane] += source[lane] * scale
    if seen[Buffer.RELU]:
        mask(op, seen, there, groups, x, dx)


@compiled
def clear(op: Any, there: Any, groups: Any, dx: Any) -> None:
    """Set the gradient of the inputs to zero."""
    for g in range(groups[0], groups[1]):
        for channel in range(op[Op.CHANNELS]):
            for row in range(op[Op.HEIGHT]):
                for column in range(op[Op.WIDTH]):
                    to = place(there, g, channel, row, column)
                    dx[to : to + LANES] = 0


@compiled
def mask(op: Any, seen: Any, there: Any, groups: Any, x: Any, dx: Any) -> None:
    """Set the gradient of the inputs to zero where they are not positive."""
    for g in range(groups[0], groups[1]):
        for channel in range(op[Op.CHANNELS]):
            for row in range(op[Op.HEIGHT]):
                for column in range(op[Op.WIDTH]):
                    at, to = place(seen, g, channel, row, column), place(there, g, channel, row, column)
                    source, target = x[at : at + LANES], dx[to : to + LANES]
                    for lane in range(LANES):
                        target[lane] = 0 if source[lane] <= 0 else target[lane]


@compiled
def dropout(
    op: Any, scale: float, here: Any, there: Any, groups: Any, x: Any, y: Any, memory: Any, seed: int,
    drawn: int,
) -> None:
    """Drop numbers by the draws of SplitMix64 from number ``drawn`` of stream ``seed``; ``memory`` keeps which.

    Draws are counted by examples first, as `benchmark.models.dropout` does.
    """
    features = op[Op.OUT_CHANNELS] * op[Op.OUT_HEIGHT] * op[Op.OUT_WIDTH]
    divisor = x.dtype.type(scale)
    for g in range(groups[0], groups[1]):
        kept = op[Op.STATE] + g * features * LANES
        feature = 0
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    at, to = place(here, g, channel, row, column), place(there, g, channel, row, column)
                    source, target = x[at : at + LANES], y[to : to + LANES]
                    which = memory[kept : kept + LANES]
                    for lane in range(LANES):
                        number = drawn + (g * LANES + lane) * features + feature + 1
                        mixed = seed + number * -0x61C8864680B583EB
                        mixed = (mixed ^ (mixed >> 30 & 0x3FFFFFFFF)) * -0x40A7B892E31B1A47
                        mixed = (mixed ^ (mixed >> 27 & 0x1FFFFFFFFF)) * -0x6B2FB644ECCEEE15
                        mixed ^= mixed >> 31 & 0x1FFFFFFFF
                        keep = (mixed >> 40 & 0xFFFFFF) >= op[Op.THRESHOLD]
                        which[lane] = keep
                        value = source[lane] / divisor if keep else 0
                        target[lane] = 0 if op[Op.RELU] and value <= 0 else value
                    kept += LANES
                    feature += 1


@compiled
def no_dropout(op: Any, here: Any, there: Any, groups: Any, x: Any, y: Any) -> None:
    """Dropout in an evaluation, which changes nothing."""
    for g in range(groups[0], groups[1]):
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    at, to = place(here, g, channel, row, column), place(there, g, channel, row, column)
                    source, target = x[at : at + LANES], y[to : to + LANES]
                    for lane in range(LANES):
                        target[lane] = 0 if op[Op.RELU] and source[lane] <= 0 else source[lane]


@compiled
def dropout_back(
    op: Any, scale: float, here: Any, there: Any, seen: Any, groups: Any, d: Any, dx: Any, x: Any, memory: Any
) -> None:
    """What was kept passes its gradient on."""
    features = op[Op.OUT_CHANNELS] * op[Op.OUT_HEIGHT] * op[Op.OUT_WIDTH]
    divisor = x.dtype.type(scale)
    for g in range(groups[0], groups[1]):
        kept = op[Op.STATE] + g * features * LANES
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    at, to = place(here, g, channel, row, column), place(there, g, channel, row, column)
                    source, target = d[at : at + LANES], dx[to : to + LANES]
                    which = memory[kept : kept + LANES]
                    for lane in range(LANES):
                        target[lane] = source[lane] / divisor if which[lane] or op[Op.THRESHOLD] == 0 else 0
                    kept += LANES
    if seen[Buffer.RELU]:
        mask(op, seen, there, groups, x, dx)
