"""The gradients of a product's weights and biases, at the active weights or at all of them.

The gradient of a weight is the sum, over pixels and examples, of the gradient of its output times its input.
"""

from typing import Any

import numpy as np

from benchmark.training.engines.sparse.products import compiled
from benchmark.training.engines.sparse.table import Buffer, Op
from benchmark.training.engines.sparse.tiles import VECTORS, tile_load, tile_products
from benchmark.training.engines.sparse.vectors import add_from, add_product, load, store_totals, total, zero

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
    if groups[1] == VECTORS:
        _of_one_tile(here, there, x, d, places, rows, every, out)
    else:
        _of_groups(here, there, groups, x, d, places, rows, every, out)


# long because compiled code is given its arrays one by one
@compiled
def _of_one_tile(here: Any, there: Any, x: Any, d: Any, places: Any, rows: Any, every: bool, out: Any) -> None:
    """A linear layer whose batch is one tile: the gradient of an output stays in registers for all its weights."""
    unit, s = here[Buffer.UNIT], here[Buffer.GROUP]
    t = there[Buffer.GROUP]
    start = here[Buffer.START]
    for output in range(rows.size - 1):
        begin, end = rows[output], rows[output + 1]
        shift = begin if every else 0
        tile = tile_load(d, there[Buffer.START] + output * there[Buffer.UNIT], t, 2 * t, 4 * t)
        fours = begin + (end - begin) // 4 * 4
        for j in range(begin, fours, 4):
            k = j - shift
            a0 = tile_products(tile, x, start + places[k] * unit, s, 2 * s, 4 * s)
            a1 = tile_products(tile, x, start + places[k + 1] * unit, s, 2 * s, 4 * s)
            a2 = tile_products(tile, x, start + places[k + 2] * unit, s, 2 * s, 4 * s)
            a3 = tile_products(tile, x, start + places[k + 3] * unit, s, 2 * s, 4 * s)
            store_totals(a0, a1, a2, a3, out, j)
        for j in range(fours, end):
            out[j] = total(tile_products(tile, x, start + places[j - shift] * unit, s, 2 * s, 4 * s))


# long because compiled code is given its arrays one by one
@compiled
def _of_groups(
    here: Any, there: Any, groups: Any, x: Any, d: Any, places: Any, rows: Any, every: bool, out: Any
) -> None:
    """A linear layer with a batch of any size."""
    unit, start = here[Buffer.UNIT], here[Buffer.START]
    for output in range(rows.size - 1):
        begin, end = rows[output], rows[output + 1]
        shift = begin if every else 0
        at = there[Buffer.START] + output * there[Buffer.UNIT]
        for j in range(begin, end):
            place = start + places[j - shift] * unit
            a = zero(x)
            for g in range(groups[0], groups[1]):
                a = add_product(a, load(d, at + g * there[Buffer.GROUP]), x, place + g * here[Buffer.GROUP])
            out[j] = total(a)


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def convolution_weight_gradient(
    op: Any, here: Any, there: Any, groups: Any, x: Any, d: Any, places: Any, rows: Any, every: bool, out: Any
) -> None:
    """The same for a convolution: eight weights of an output at a time.

    Their sums stay in registers over some rows of the image.
    """
    unit, step = here[Buffer.UNIT], here[Buffer.UNIT] * here[Buffer.PIXEL] * op[Op.STRIDE_WIDTH]
    d_step = there[Buffer.UNIT] * there[Buffer.PIXEL]
    height, width = op[Op.OUT_HEIGHT], op[Op.OUT_WIDTH]
    strip = min(height, (PIXELS + width - 1) // width)
    image = there[Buffer.HEIGHT] * there[Buffer.WIDTH]
    sums = np.empty(8, out.dtype)
    if groups[0] == 0:
        out[rows[0] : rows[-1]] = 0
    for g in range(groups[0], groups[1]):
        for top in range(0, height, strip):
            bottom = min(top + strip, height)
            for output in range(rows.size - 1):
                begin, end = rows[output], rows[output + 1]
                shift = begin if every else 0
                x_from = here[Buffer.START] + g * here[Buffer.GROUP] + here[Buffer.CORNER] * unit
                d_from = (
                    there[Buffer.START]
                    + g * there[Buffer.GROUP]
                    + (output * image + there[Buffer.FIRST]) * there[Buffer.UNIT]
                )
                for j in range(begin, end, 8):
                    k, last = j - shift, end - 1 - shift
                    o0 = places[k] * unit
                    o1 = places[min(k + 1, last)] * unit
                    o2 = places[min(k + 2, last)] * unit
                    o3 = places[min(k + 3, last)] * unit
                    a0, a1, a2, a3 = zero(x), zero(x), zero(x), zero(x)
                    if end - j > 4:
                        o4 = places[min(k + 4, last)] * unit
                        o5 = places[min(k + 5, last)] * unit
                        o6 = places[min(k + 6, last)] * unit
                        o7 = places[min(k + 7, last)] * unit
                        a4, a5, a6, a7 = zero(x), zero(x), zero(x), zero(x)
                        for row in range(top, bottom):
                            at = x_from + row * op[Op.STRIDE_HEIGHT] * here[Buffer.ROW] * unit
                            d_at = d_from + row * there[Buffer.ROW] * there[Buffer.UNIT]
                            for _ in range(width):
                                v = load(d, d_at)
                                a0 = add_product(a0, v, x, at + o0)
                                a1 = add_product(a1, v, x, at + o1)
                                a2 = add_product(a2, v, x, at + o2)
                                a3 = add_product(a3, v, x, at + o3)
                                a4 = add_product(a4, v, x, at + o4)
                                a5 = add_product(a5, v, x, at + o5)
                                a6 = add_product(a6, v, x, at + o6)
                                a7 = add_product(a7, v, x, at + o7)
                                at += step
                                d_at += d_step
                        store_totals(a4, a5, a6, a7, sums, 4)
                    else:
                        for row in range(top, bottom):
                            at = x_from + row * op[Op.STRIDE_HEIGHT] * here[Buffer.ROW] * unit
                            d_at = d_from + row * there[Buffer.ROW] * there[Buffer.UNIT]
                            for _ in range(width):
                                v = load(d, d_at)
                                a0 = add_product(a0, v, x, at + o0)
                                a1 = add_product(a1, v, x, at + o1)
                                a2 = add_product(a2, v, x, at + o2)
                                a3 = add_product(a3, v, x, at + o3)
                                at += step
                                d_at += d_step
                    store_totals(a0, a1, a2, a3, sums, 0)
                    for each in range(min(8, end - j)):
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
