"""The operations without weights: pooling and dropout, forward and backward.

Each takes its row of the table of operations, the buffers that it reads and writes, and the groups of lanes that it
handles; a backward pass writes zeros where an input that came out of ReLU is not positive.
"""

from typing import Any

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.maxima import (
    largest,
    largest_of_four,
    maximum_of,
    maximum_with,
    store_where_chosen,
    where_chosen,
)
from benchmark.training.engines.sparse.table import Buffer, Op
from benchmark.training.engines.sparse.vectors import (
    LANES,
    add_from,
    add_scaled,
    load,
    positive,
    store,
    where_positive,
    zero,
)


@compiled
def place(buffer: Any, group: int, channel: int, row: int, column: int) -> int:
    """The index of the first lane of a pixel."""
    position = buffer[Buffer.FIRST] + row * buffer[Buffer.ROW] + column * buffer[Buffer.PIXEL]
    position += channel * buffer[Buffer.HEIGHT] * buffer[Buffer.WIDTH]
    found: int = buffer[Buffer.START] + group * buffer[Buffer.GROUP] + position * LANES
    return found


# long because compiled code is given its arrays one by one
@compiled
def max_pooling(op: Any, here: Any, there: Any, groups: Any, x: Any, y: Any, memory: Any) -> None:
    """The maximum of each window; ``memory`` keeps which pixel of the window it was (the first of equals)."""
    right, down = here[Buffer.PIXEL] * LANES, here[Buffer.ROW] * LANES
    images = op[Op.OUT_CHANNELS] * op[Op.OUT_HEIGHT] * op[Op.OUT_WIDTH]
    four = op[Op.KERNEL_HEIGHT] == 2 and op[Op.KERNEL_WIDTH] == 2
    for g in range(groups[0], groups[1]):
        kept = op[Op.STATE] + g * images * LANES
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                at = place(here, g, channel, row * op[Op.STRIDE_HEIGHT], 0)
                to = place(there, g, channel, row, 0)
                for _ in range(op[Op.OUT_WIDTH]):
                    if four:
                        values = largest_of_four(x, at, right, down, memory, kept)
                    else:
                        best = maximum_of(x, at)
                        number = 0
                        for i in range(op[Op.KERNEL_HEIGHT]):
                            for j in range(op[Op.KERNEL_WIDTH]):
                                best = maximum_with(best, x, at + i * down + j * right, number)
                                number += 1
                        values = largest(best, memory, kept)
                    if op[Op.RELU]:
                        values = positive(values)
                    store(values, y, to)
                    kept += LANES
                    at += op[Op.STRIDE_WIDTH] * right
                    to += there[Buffer.PIXEL] * LANES


# long because compiled code is given its arrays one by one
@compiled
def max_pooling_back(
    op: Any, here: Any, there: Any, seen: Any, made: Any, groups: Any, d: Any, dx: Any, y: Any, memory: Any
) -> None:
    """Each gradient goes to the pixel that was the maximum; ``made`` is the buffer of the maxima, ``y``."""
    right, down = there[Buffer.PIXEL] * LANES, there[Buffer.ROW] * LANES
    images = op[Op.OUT_CHANNELS] * op[Op.OUT_HEIGHT] * op[Op.OUT_WIDTH]
    four = op[Op.KERNEL_HEIGHT] == 2 and op[Op.KERNEL_WIDTH] == 2
    apart = op[Op.STRIDE_HEIGHT] == op[Op.KERNEL_HEIGHT] and op[Op.STRIDE_WIDTH] == op[Op.KERNEL_WIDTH]
    covered = (op[Op.OUT_HEIGHT] * op[Op.STRIDE_HEIGHT], op[Op.OUT_WIDTH] * op[Op.STRIDE_WIDTH]) if apart else (0, 0)
    clear(op, there, groups, dx, covered)
    for g in range(groups[0], groups[1]):
        kept = op[Op.STATE] + g * images * LANES
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                at, was = place(here, g, channel, row, 0), place(made, g, channel, row, 0)
                to = place(there, g, channel, row * op[Op.STRIDE_HEIGHT], 0)
                for _ in range(op[Op.OUT_WIDTH]):
                    gradient = load(d, at)
                    if seen[Buffer.RELU]:
                        gradient = where_positive(gradient, y, was)
                    if four and apart:
                        store_where_chosen(gradient, memory, kept, dx, to, right, down)
                    else:
                        number = 0
                        for i in range(op[Op.KERNEL_HEIGHT]):
                            for j in range(op[Op.KERNEL_WIDTH]):
                                target = to + i * down + j * right
                                part = where_chosen(gradient, memory, kept, number)
                                if not apart:
                                    part = add_from(part, dx, target)
                                store(part, dx, target)
                                number += 1
                    kept += LANES
                    at += here[Buffer.PIXEL] * LANES
                    was += made[Buffer.PIXEL] * LANES
                    to += op[Op.STRIDE_WIDTH] * right


@compiled
def mean_pooling(op: Any, here: Any, there: Any, groups: Any, x: Any, y: Any) -> None:
    """The mean of each window."""
    scale = x.dtype.type(1 / (op[Op.KERNEL_HEIGHT] * op[Op.KERNEL_WIDTH]))
    right, down = here[Buffer.PIXEL] * LANES, here[Buffer.ROW] * LANES
    for g in range(groups[0], groups[1]):
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    at = place(here, g, channel, row * op[Op.STRIDE_HEIGHT], column * op[Op.STRIDE_WIDTH])
                    sums = zero(x)
                    for i in range(op[Op.KERNEL_HEIGHT]):
                        for j in range(op[Op.KERNEL_WIDTH]):
                            sums = add_scaled(sums, scale, x, at + i * down + j * right)
                    if op[Op.RELU]:
                        sums = positive(sums)
                    store(sums, y, place(there, g, channel, row, column))


# long because compiled code is given its arrays one by one
@compiled
def mean_pooling_back(op: Any, here: Any, there: Any, seen: Any, groups: Any, d: Any, dx: Any, x: Any) -> None:
    """Each gradient is shared by the pixels of its window."""
    scale = x.dtype.type(1 / (op[Op.KERNEL_HEIGHT] * op[Op.KERNEL_WIDTH]))
    right, down = there[Buffer.PIXEL] * LANES, there[Buffer.ROW] * LANES
    clear(op, there, groups, dx, (0, 0))
    for g in range(groups[0], groups[1]):
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    gradient = add_scaled(zero(d), scale, d, place(here, g, channel, row, column))
                    to = place(there, g, channel, row * op[Op.STRIDE_HEIGHT], column * op[Op.STRIDE_WIDTH])
                    for i in range(op[Op.KERNEL_HEIGHT]):
                        for j in range(op[Op.KERNEL_WIDTH]):
                            target = to + i * down + j * right
                            store(add_from(gradient, dx, target), dx, target)
    if seen[Buffer.RELU]:
        mask(op, seen, there, groups, x, dx)


@compiled
def clear(op: Any, there: Any, groups: Any, dx: Any, but: tuple[int, int]) -> None:
    """Set the gradient of the inputs to zero, but for the first so many rows of the first so many columns."""
    height, width = but
    for g in range(groups[0], groups[1]):
        for channel in range(op[Op.CHANNELS]):
            for row in range(op[Op.HEIGHT]):
                for column in range(width if row < height else 0, op[Op.WIDTH]):
                    store(zero(dx), dx, place(there, g, channel, row, column))


@compiled
def mask(op: Any, seen: Any, there: Any, groups: Any, x: Any, dx: Any) -> None:
    """Set the gradient of the inputs to zero where they are not positive."""
    for g in range(groups[0], groups[1]):
        for channel in range(op[Op.CHANNELS]):
            for row in range(op[Op.HEIGHT]):
                for column in range(op[Op.WIDTH]):
                    at, to = place(seen, g, channel, row, column), place(there, g, channel, row, column)
                    store(where_positive(load(dx, to), x, at), dx, to)


# long because compiled code is given its arrays one by one
@compiled
def dropout(
    op: Any,
    scale: float,
    here: Any,
    there: Any,
    groups: Any,
    x: Any,
    y: Any,
    memory: Any,
    seed: int,
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


# long because compiled code is given its arrays one by one
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
