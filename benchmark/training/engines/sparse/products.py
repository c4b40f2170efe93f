"""The products of a sparse layer with a batch: forward, with the transposed weights, and the gradient of the weights.

A linear layer is a convolution with one pixel. Each active weight is a multiply-add over the lanes of the batch for
every pixel of the output, so its cost does not depend on where it is, and the cost of a layer is that of its active
weights. Weights are stored by rows (outputs) and, as an index, by columns (input channels); where a weight looks is a
position of a buffer, so that no kernel knows of channels and windows.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

from benchmark.training.engines.sparse.table import Buffer, Op
from benchmark.training.engines.sparse.tiles import (
    tile_add_product,
    tile_of,
    tile_positive,
    tile_store,
    tile_where_positive,
)

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """``function`` in compiled code, without the interpreter's lock.

    Nothing is compiled before the first call, and the result is kept on disk.
    """
    found: Function = njit(function, cache=True, nogil=True, error_model="numpy", boundscheck=False)
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
    height, width = op[Op.OUT_HEIGHT], op[Op.OUT_WIDTH]
    wide, high, deep = op[Op.TILE], op[Op.TILE + 1], op[Op.TILE + 2]
    image = there[Buffer.HEIGHT] * there[Buffer.WIDTH]
    for g in range(groups[0], groups[1], deep):
        for row in range(0, height, high):
            top = min(row, height - high)
            for output in range(rows.size - 1):
                begin, end = rows[output], rows[output + 1]
                for column in range(0, width, wide):
                    left = min(column, width - wide)
                    at = (
                        here[Buffer.START]
                        + g * here[Buffer.GROUP]
                        + unit
                        * (
                            here[Buffer.CORNER]
                            + top * op[Op.STRIDE_HEIGHT] * here[Buffer.ROW]
                            + left * op[Op.STRIDE_WIDTH] * here[Buffer.PIXEL]
                        )
                    )
                    tile = tile_of(x, bias[output])
                    for each in range(begin, end):
                        tile = tile_add_product(tile, weights[each], x, at + places[each] * unit, s0, s1, s2)
                    if op[Op.RELU]:
                        tile = tile_positive(tile)
                    at = (
                        there[Buffer.START]
                        + g * there[Buffer.GROUP]
                        + there[Buffer.UNIT]
                        * (output * image + there[Buffer.FIRST] + top * there[Buffer.ROW] + left * there[Buffer.PIXEL])
                    )
                    tile_store(tile, y, at, t0, t1, t2)


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

    ``here``, ``there`` and ``seen`` are the buffers of ``d``, ``dx`` and the inputs ``x``; ``rows`` [channels + 1] says
    which of ``index`` (a weight's number) and ``places`` are those of each input channel.
    """
    unit, s0, s1, s2 = here[Buffer.UNIT], op[Op.INPUT_READ], op[Op.INPUT_READ + 1], op[Op.INPUT_READ + 2]
    t0, t1, t2 = op[Op.INPUT_WRITE], op[Op.INPUT_WRITE + 1], op[Op.INPUT_WRITE + 2]
    m0, m1, m2 = op[Op.INPUT_MASK], op[Op.INPUT_MASK + 1], op[Op.INPUT_MASK + 2]
    height, width = op[Op.HEIGHT], op[Op.WIDTH]
    wide, high, deep = op[Op.INPUT_TILE], op[Op.INPUT_TILE + 1], op[Op.INPUT_TILE + 2]
    image = there[Buffer.HEIGHT] * there[Buffer.WIDTH]
    seen_image = seen[Buffer.HEIGHT] * seen[Buffer.WIDTH]
    nothing = weights.dtype.type(0)
    for g in range(groups[0], groups[1], deep):
        for row in range(0, height, high):
            top = min(row, height - high)
            for channel in range(rows.size - 1):
                begin, end = rows[channel], rows[channel + 1]
                for column in range(0, width, wide):
                    left = min(column, width - wide)
                    at = here[Buffer.START] + g * here[Buffer.GROUP] + unit * (top * here[Buffer.WIDTH] + left)
                    tile = tile_of(d, nothing)
                    for each in range(begin, end):
                        tile = tile_add_product(tile, weights[index[each]], d, at + places[each] * unit, s0, s1, s2)
                    if seen[Buffer.RELU]:
                        at = (
                            seen[Buffer.START]
                            + g * seen[Buffer.GROUP]
                            + seen[Buffer.UNIT]
                            * (
                                channel * seen_image
                                + seen[Buffer.FIRST]
                                + top * seen[Buffer.ROW]
                                + left * seen[Buffer.PIXEL]
                            )
                        )
                        tile = tile_where_positive(tile, x, at, m0, m1, m2)
                    at = (
                        there[Buffer.START]
                        + g * there[Buffer.GROUP]
                        + there[Buffer.UNIT]
                        * (channel * image + there[Buffer.FIRST] + top * there[Buffer.ROW] + left * there[Buffer.PIXEL])
                    )
                    tile_store(tile, dx, at, t0, t1, t2)
