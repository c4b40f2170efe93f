"""The products of a sparse layer with a batch: forward, with the transposed weights, and the gradient of the weights.

A linear layer is a convolution with one pixel. Each active weight is a multiply-add over the lanes of the batch for
every pixel of the output, so its cost does not depend on where it is, and the cost of a layer is that of its active
weights. Weights are stored by rows (outputs) and, as an index, by columns (rows of the kernel of each input channel);
where a weight looks is a position of a buffer, so that no kernel knows of windows.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

from benchmark.training.engines.sparse.loops import tile_add_products
from benchmark.training.engines.sparse.table import Buffer, Op
from benchmark.training.engines.sparse.tiles import tile_of, tile_positive, tile_store, tile_where_positive

Function = TypeVar("Function", bound=Callable[..., Any])


_FILES = sorted(Path(__file__).parent.glob("*.py"))
_SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in _FILES)).hexdigest()


def compiled(function: Function) -> Function:
    """``function`` in compiled code, without the interpreter's lock.

    Nothing is compiled before the first call, and the result is kept on disk.
    """
    found: Function = njit(function, cache=True, nogil=True, error_model="numpy", boundscheck=False)
    # numba looks whether the function's own module has changed; what it calls is in the other ones
    found._cache._cache_file._source_stamp = _SOURCES  # type: ignore[attr-defined]
    return found


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def forward(
    op: Any, here: Any, there: Any, groups: Any, x: Any, y: Any, weights: Any, places: Any, rows: Any, bias: Any
) -> None:
    """``y = W x + b``, with ReLU where the operation says so.

    ``here`` and ``there`` are the buffers' rows of the table, ``groups`` the first group and the one after the last;
    ``rows`` [outputs + 1] says which ``weights`` and
    ``places`` (positions from that of an output's first input) are those of each output.
    """
    unit, s0, s1, s2 = here[Buffer.UNIT], op[Op.READ], op[Op.READ + 1], op[Op.READ + 2]
    t0, t1, t2 = op[Op.WRITE], op[Op.WRITE + 1], op[Op.WRITE + 2]
    height, width, relu = op[Op.OUT_HEIGHT], op[Op.OUT_WIDTH], op[Op.RELU]
    wide, high, deep = op[Op.TILE], op[Op.TILE + 1], op[Op.TILE + 2]
    x_first, x_group, x_row, x_column = reading_steps(op, here)
    y_first, y_group, y_image, y_row, y_column = steps(there)
    for g in range(groups[0], groups[1], deep):
        for row in range(0, height, high):
            top = min(row, height - high)
            x_at, y_at = x_first + g * x_group + top * x_row, y_first + g * y_group + top * y_row
            for output in range(rows.size - 1):
                begin, end, start = rows[output], rows[output + 1], bias[output]
                for column in range(0, width, wide):
                    left = min(column, width - wide)
                    at = x_at + left * x_column
                    tile = tile_of(x, start)
                    tile = tile_add_products(tile, weights, None, places, begin, end, x, at, unit, s0, s1, s2)
                    if relu:
                        tile = tile_positive(tile)
                    tile_store(tile, y, y_at + output * y_image + left * y_column, t0, t1, t2)


@compiled
def reading_steps(op: Any, buffer: Any) -> tuple[int, int, int, int]:
    """Numbers to where a product's first output reads, and from there to the next group, row and column of outputs."""
    unit = buffer[Buffer.UNIT]
    first = buffer[Buffer.START] + unit * buffer[Buffer.CORNER]
    row, column = buffer[Buffer.ROW] * op[Op.STRIDE_HEIGHT], buffer[Buffer.PIXEL] * op[Op.STRIDE_WIDTH]
    return first, buffer[Buffer.GROUP], unit * row, unit * column


@compiled
def steps(buffer: Any) -> tuple[int, int, int, int, int]:
    """Numbers to the first pixel of a buffer, and from there to the next group, image, row and column."""
    unit = buffer[Buffer.UNIT]
    first = buffer[Buffer.START] + unit * buffer[Buffer.FIRST]
    image = unit * buffer[Buffer.HEIGHT] * buffer[Buffer.WIDTH]
    return first, buffer[Buffer.GROUP], image, unit * buffer[Buffer.ROW], unit * buffer[Buffer.PIXEL]


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def transposed(
    op: Any,
    here: Any,
    there: Any,
    seen: Any,
    groups: Any,
    d: Any,
    dx: Any,
    x: Any,
    weights: Any,
    index: Any,
    places: Any,
    rows: Any,
) -> None:
    """The gradient of the inputs, ``dx = Wᵀ d``, zero where an input that came out of ReLU is.

    ``here``, ``there`` and ``seen`` are the buffers of ``d``, ``dx`` and the inputs ``x``; ``rows`` [channels · kernel
    height + 1] says which of ``index`` (a weight's number) and ``places`` are those of each row of the kernel of each
    input channel.
    """
    unit, s0, s1, s2 = here[Buffer.UNIT], op[Op.INPUT_READ], op[Op.INPUT_READ + 1], op[Op.INPUT_READ + 2]
    t0, t1, t2 = op[Op.INPUT_WRITE], op[Op.INPUT_WRITE + 1], op[Op.INPUT_WRITE + 2]
    m0, m1, m2 = op[Op.INPUT_MASK], op[Op.INPUT_MASK + 1], op[Op.INPUT_MASK + 2]
    height, width, relu = op[Op.HEIGHT], op[Op.WIDTH], seen[Buffer.RELU]
    wide, high, deep = op[Op.INPUT_TILE], op[Op.INPUT_TILE + 1], op[Op.INPUT_TILE + 2]
    padding, kernel, span = op[Op.PADDING_HEIGHT], op[Op.KERNEL_HEIGHT], (op[Op.OUT_HEIGHT] - 1) * op[Op.STRIDE_HEIGHT]
    d_first, d_group, d_row = here[Buffer.START], here[Buffer.GROUP], unit * here[Buffer.WIDTH]
    x_first, x_group, x_image, x_row, x_column = steps(seen)
    dx_first, dx_group, dx_image, dx_row, dx_column = steps(there)
    nothing = weights.dtype.type(0)
    for g in range(groups[0], groups[1], deep):
        for row in range(0, height, high):
            top = min(row, height - high)
            d_at = d_first + g * d_group + top * d_row
            x_at, dx_at = x_first + g * x_group + top * x_row, dx_first + g * dx_group + top * dx_row
            # what other rows of the kernel see of an image that begins here is its border, which is zero
            down = top + padding
            lowest, highest = max(0, down - span), min(kernel, down + high)
            for channel in range((rows.size - 1) // kernel):
                begin, end = rows[channel * kernel + lowest], rows[channel * kernel + highest]
                for column in range(0, width, wide):
                    left = min(column, width - wide)
                    at = d_at + left * unit
                    tile = tile_of(d, nothing)
                    tile = tile_add_products(tile, weights, index, places, begin, end, d, at, unit, s0, s1, s2)
                    if relu:
                        tile = tile_where_positive(tile, x, x_at + channel * x_image + left * x_column, m0, m1, m2)
                    tile_store(tile, dx, dx_at + channel * dx_image + left * dx_column, t0, t1, t2)
