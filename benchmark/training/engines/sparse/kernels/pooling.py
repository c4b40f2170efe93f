"""Max-pooling and mean pooling, forward and backward.

Each takes its row of the table of operations, the buffers that it reads and writes, and the groups of lanes that it
handles; a backward pass writes zeros where an input that came out of ReLU is not positive.
"""

from typing import Any

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.maxima import (
    largest,
    largest_of_four,
    maximum_of,
    maximum_with,
    store_where_chosen,
    where_chosen,
)
from benchmark.training.engines.sparse.kernels.pixels import clear, mask, place
from benchmark.training.engines.sparse.kernels.vectors import (
    LANES,
    add_from,
    add_scaled,
    load,
    positive,
    store,
    where_positive,
    zero,
)
from benchmark.training.engines.sparse.table import Buffer, Op


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
