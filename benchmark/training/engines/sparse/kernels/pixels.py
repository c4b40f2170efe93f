"""The pixels of an image in memory: where each is, and setting gradients of pixels to zero."""

from typing import Any

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.vectors import LANES, load, store, where_positive, zero
from benchmark.training.engines.sparse.table import Buffer, Op


@compiled
def group_begin(buffer: Any, group: int) -> int:
    """The index of the first number of a group."""
    found: int = buffer[Buffer.START] + group * buffer[Buffer.GROUP]
    return found


@compiled
def place(buffer: Any, group: int, channel: int, row: int, column: int) -> int:
    """The index of the first lane of a pixel."""
    position = buffer[Buffer.FIRST] + row * buffer[Buffer.ROW] + column * buffer[Buffer.PIXEL]
    position += channel * buffer[Buffer.HEIGHT] * buffer[Buffer.WIDTH]
    found: int = buffer[Buffer.START] + group * buffer[Buffer.GROUP] + position * LANES
    return found


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
