"""The products of a sparse convolution with a batch: forward, with the transposed weights, and the weights' gradient.

Each active weight is a multiply-add over the lanes of the batch for every pixel of the output, so its cost does not
depend on where it is, and the cost of a layer is that of its active weights. Weights are stored by rows (outputs) and,
as an index, by columns (rows of the kernel of each input channel); where a weight looks is a position of a buffer, so
that no kernel knows of windows.
"""

from typing import Any

import numpy as np

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.loops import tile_add_products, tile_of_pixels
from benchmark.training.engines.sparse.kernels.tiles import (
    VECTORS,
    tile_of,
    tile_positive,
    tile_store,
    tile_store_totals,
    tile_where_positive,
)
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.table import Buffer, Op

PIXELS = 144
"""Pixels, at least, that a gradient gathers in registers before it is added to what is in memory."""


@compiled
def _three_of(op: Any, column: int) -> tuple[int, int, int]:
    """Three numbers of an operation, from ``column`` on."""
    return op[column], op[column + 1], op[column + 2]


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def forward(
    op: Any, here: Any, there: Any, groups: Any, x: Any, y: Any, weights: Any, places: Any, rows: Any, bias: Any
) -> None:
    """``y = W x + b``, with ReLU where the operation says so.

    ``here`` and ``there`` are the buffers' rows of the table, ``groups`` the first group and the one after the last;
    ``rows`` [outputs + 1] says which ``weights`` and ``places`` (positions from that of an output's first input) are
    those of each output.
    """
    reads, writes, (wide, high, deep) = _three_of(op, Op.READ), _three_of(op, Op.WRITE), _three_of(op, Op.TILE)
    height, width, relu = op[Op.OUT_HEIGHT], op[Op.OUT_WIDTH], op[Op.RELU]
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
                    tile = tile_of(x, start, reads)
                    tile = tile_add_products(tile, weights, None, places, begin, end, x, at, reads)
                    if relu:
                        tile = tile_positive(tile)
                    tile_store(tile, y, y_at + output * y_image + left * y_column, writes)


@compiled
def reading_steps(op: Any, buffer: Any) -> tuple[int, int, int, int]:
    """Numbers to where a product's first output reads, and from there to the next group, row and column of outputs."""
    first = buffer[Buffer.START] + LANES * buffer[Buffer.CORNER]
    row, column = buffer[Buffer.ROW] * op[Op.STRIDE_HEIGHT], buffer[Buffer.PIXEL] * op[Op.STRIDE_WIDTH]
    return first, buffer[Buffer.GROUP], LANES * row, LANES * column


@compiled
def steps(buffer: Any) -> tuple[int, int, int, int, int]:
    """Numbers to the first pixel of a buffer, and from there to the next group, image, row and column."""
    first = buffer[Buffer.START] + LANES * buffer[Buffer.FIRST]
    image = LANES * buffer[Buffer.HEIGHT] * buffer[Buffer.WIDTH]
    return first, buffer[Buffer.GROUP], image, LANES * buffer[Buffer.ROW], LANES * buffer[Buffer.PIXEL]


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
    reads, writes, masks = _three_of(op, Op.INPUT_READ), _three_of(op, Op.INPUT_WRITE), _three_of(op, Op.INPUT_MASK)
    height, width, relu = op[Op.HEIGHT], op[Op.WIDTH], seen[Buffer.RELU]
    wide, high, deep = _three_of(op, Op.INPUT_TILE)
    padding, kernel, span = op[Op.PADDING_HEIGHT], op[Op.KERNEL_HEIGHT], (op[Op.OUT_HEIGHT] - 1) * op[Op.STRIDE_HEIGHT]
    d_first, d_group, d_row = here[Buffer.START], here[Buffer.GROUP], LANES * here[Buffer.WIDTH]
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
                    at = d_at + left * LANES
                    tile = tile_of(d, nothing, reads)
                    tile = tile_add_products(tile, weights, index, places, begin, end, d, at, reads)
                    if relu:
                        tile = tile_where_positive(tile, x, x_at + channel * x_image + left * x_column, masks)
                    tile_store(tile, dx, dx_at + channel * dx_image + left * dx_column, writes)


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def weight_gradient(
    op: Any, here: Any, there: Any, groups: Any, x: Any, d: Any, places: Any, rows: Any, every: bool, out: Any
) -> None:
    """Into ``out``, in the order of the weights; ``here`` and ``there`` are the buffers of ``x`` and ``d``.

    ``rows`` [outputs + 1] says which of ``places`` are those of each output; with ``every`` all outputs have the same
    places, those of a full layer, and ``rows`` counts them. The sums of eight weights stay in registers over some rows
    of the image.
    """
    height, width = op[Op.OUT_HEIGHT], op[Op.OUT_WIDTH]
    x_first, x_group, x_row, x_pixel = reading_steps(op, here)
    d_first, d_group, d_image, d_row, d_pixel = steps(there)
    strip = min(height, (PIXELS + width - 1) // width)
    sums = np.empty(VECTORS, out.dtype)
    if groups[0] == 0:
        out[rows[0] : rows[-1]] = 0
    for g in range(groups[0], groups[1]):
        for top in range(0, height, strip):
            lines = min(strip, height - top)
            for output in range(rows.size - 1):
                begin, end = rows[output], rows[output + 1]
                shift = begin if every else 0
                x_at, d_at = x_first + g * x_group + top * x_row, d_first + g * d_group + output * d_image + top * d_row
                for j in range(begin, end, VECTORS):
                    chosen, last = j - shift, end - 1 - shift
                    tile = tile_of_pixels(
                        d, d_at, d_row, d_pixel, x, x_at, x_row, x_pixel, places, chosen, last, lines, width
                    )
                    tile_store_totals(tile, sums, 0)
                    for each in range(min(VECTORS, end - j)):
                        out[j + each] += sums[each]
