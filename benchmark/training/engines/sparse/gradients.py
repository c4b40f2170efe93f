"""The gradients of a product's weights and biases, at the active weights or at all of them.

The gradient of a weight is the sum, over pixels and examples, of the gradient of its output times its input.
"""

from typing import Any

import numpy as np

from benchmark.training.engines.sparse.loops import tile_of_pixels
from benchmark.training.engines.sparse.products import compiled, reading_steps, steps
from benchmark.training.engines.sparse.table import Buffer, Op
from benchmark.training.engines.sparse.tiles import VECTORS, tile_store_totals
from benchmark.training.engines.sparse.vectors import add_from, total, zero

PIXELS = 64
"""Pixels, at least, that a gradient gathers in registers before it is added to what is in memory."""


# long because compiled code is given its arrays one by one
@compiled
def linear_weight_gradient(
    here: Any, there: Any, groups: Any, x: Any, d: Any, places: Any, rows: Any, every: bool, out: Any
) -> None:
    """Into ``out``, in the order of the weights; ``here`` and ``there`` are the buffers of ``x`` and ``d``.

    ``rows`` [outputs + 1] says which of ``places`` are those of each output; with ``every`` all outputs have the same
    places, those of a full layer, and ``rows`` counts them.
    """
    unit, count = here[Buffer.UNIT], groups[1] - groups[0]
    x_at = here[Buffer.START] + groups[0] * here[Buffer.GROUP]
    d_at = there[Buffer.START] + groups[0] * there[Buffer.GROUP]
    x_group, d_group, d_output = here[Buffer.GROUP], there[Buffer.GROUP], there[Buffer.UNIT]
    sums = np.empty(VECTORS, out.dtype)
    for output in range(rows.size - 1):
        begin, end = rows[output], rows[output + 1]
        shift, at = begin if every else 0, d_at + output * d_output
        for j in range(begin, end, VECTORS):
            chosen, last = j - shift, end - 1 - shift
            tile = tile_of_pixels(d, at, 0, d_group, x, x_at, 0, x_group, unit, places, chosen, last, 1, count)
            if end - j >= VECTORS:
                tile_store_totals(tile, out, j)
            else:
                tile_store_totals(tile, sums, 0)
                out[j:end] = sums[: end - j]


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def convolution_weight_gradient(
    op: Any, here: Any, there: Any, groups: Any, x: Any, d: Any, places: Any, rows: Any, every: bool, out: Any
) -> None:
    """The same for a convolution: eight weights of an output at a time.

    Their sums stay in registers over some rows of the image.
    """
    unit, height, width = here[Buffer.UNIT], op[Op.OUT_HEIGHT], op[Op.OUT_WIDTH]
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
                        d, d_at, d_row, d_pixel, x, x_at, x_row, x_pixel, unit, places, chosen, last, lines, width
                    )
                    tile_store_totals(tile, sums, 0)
                    for each in range(min(VECTORS, end - j)):
                        out[j + each] += sums[each]


@compiled
def bias_gradient(op: Any, there: Any, groups: Any, d: Any, out: Any) -> None:
    """The sum of the gradient of each output over pixels and examples."""
    image = there[Buffer.HEIGHT] * there[Buffer.WIDTH]
    for output in range(op[Op.OUT_CHANNELS]):
        found = d.dtype.type(0)
        for g in range(groups[0], groups[1]):
            at = there[Buffer.START] + g * there[Buffer.GROUP]
            at += (output * image + there[Buffer.FIRST]) * there[Buffer.UNIT]
            sums = zero(d)
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    place = row * there[Buffer.ROW] + column * there[Buffer.PIXEL]
                    sums = add_from(sums, d, at + place * there[Buffer.UNIT])
            found += total(sums)
        out[output] = found if groups[0] == 0 else out[output] + found
