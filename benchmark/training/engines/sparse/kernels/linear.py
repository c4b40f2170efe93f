"""The products of a sparse linear layer with a batch: forward, with the transposed weights, and the weights' gradient.

Each active weight is a multiply-add over the lanes of the batch, so its cost does not depend on where it is. Weights
look all over the features, so some groups of lanes, a slice, go through a whole layer before the next ones do: what
they have of the features stays in the caches then. A batch that is no multiple of a slice goes through group by group.
"""

from typing import Any

import numpy as np

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels import full
from benchmark.training.engines.sparse.kernels.loops import add_totals, tile_add_products, write_totals
from benchmark.training.engines.sparse.kernels.pixels import group_begin
from benchmark.training.engines.sparse.kernels.tiles import (
    tile_load,
    tile_of,
    tile_positive,
    tile_store,
    tile_where_positive,
)
from benchmark.training.engines.sparse.kernels.vectors import LANES, TOTALS
from benchmark.training.engines.sparse.table import Buffer

SLICE = 4
"""Groups in a slice: their sums fill as many registers of AVX2 as a loop has, and it is few numbers of each feature."""


BLOCK = 64
"""Features whose weights' gradients are made together, of all outputs, where all weights of a layer have one: what a
slice has of these features stays in the first-level cache. A multiple of the sums that are written at once."""


@compiled
def _whole_slices(groups: Any) -> bool:
    whole: bool = (groups[1] - groups[0]) % SLICE == 0
    return whole


@compiled
def _strides(buffer: Any) -> tuple[int, int]:
    """Those of a tile with one vector of each group of a slice."""
    return buffer[Buffer.GROUP], 2 * buffer[Buffer.GROUP]


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def forward(
    relu: int,
    features: int,
    here: Any,
    there: Any,
    groups: Any,
    x: Any,
    y: Any,
    weights: Any,
    places: Any,
    rows: Any,
    bias: Any,
) -> None:
    """``y = W x + b``, with ReLU where ``relu`` says so.

    ``here`` and ``there`` are the buffers' rows of the table, ``groups`` the first group and the one after the last;
    ``rows`` [outputs + 1] says which ``weights`` and ``places`` (numbers of features) are those of each output.
    """
    if _whole_slices(groups):
        _forward(
            relu, features, here, there, _strides(here), _strides(there), groups, x, y, weights, places, rows, bias
        )
    else:
        _forward(relu, features, here, there, (), (), groups, x, y, weights, places, rows, bias)


# long because compiled code is given its arrays one by one
@compiled
def _forward(
    relu: int,
    features: int,
    here: Any,
    there: Any,
    x_strides: Any,
    y_strides: Any,
    groups: Any,
    x: Any,
    y: Any,
    weights: Any,
    places: Any,
    rows: Any,
    bias: Any,
) -> None:
    if full.is_full(rows, features):
        full.forward(relu, here, there, x_strides, y_strides, groups, x, y, weights, rows, bias)
        return
    for g in range(groups[0], groups[1], 2 ** len(x_strides)):
        x_at, y_at = group_begin(here, g), group_begin(there, g)
        for output in range(rows.size - 1):
            tile = tile_of(x, bias[output], x_strides)
            tile = tile_add_products(tile, weights, None, places, rows[output], rows[output + 1], x, x_at, x_strides)
            if relu:
                tile = tile_positive(tile)
            tile_store(tile, y, y_at + output * LANES, y_strides)


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def transposed(
    here: Any,
    there: Any,
    seen: Any,
    groups: Any,
    d: Any,
    dx: Any,
    x: Any,
    weights: Any,
    rows: Any,
    index: Any,
    places: Any,
    columns: Any,
) -> None:
    """The gradient of the inputs, ``dx = Wᵀ d``, zero where an input that came out of ReLU is.

    ``here``, ``there`` and ``seen`` are the buffers of ``d``, ``dx`` and the inputs ``x``; ``columns`` [features + 1]
    says which of ``index`` (a weight's number) and ``places`` (its output) are those of each feature, and ``rows``
    [outputs + 1] which of the ``weights`` are those of each output.
    """
    if _whole_slices(groups):
        d_strides, dx_strides, x_strides = _strides(here), _strides(there), _strides(seen)
        _transposed(
            here, there, seen, d_strides, dx_strides, x_strides, groups, d, dx, x, weights, rows, index, places, columns
        )
    else:
        _transposed(here, there, seen, (), (), (), groups, d, dx, x, weights, rows, index, places, columns)


# long because compiled code is given its arrays one by one
@compiled
def _transposed(
    here: Any,
    there: Any,
    seen: Any,
    d_strides: Any,
    dx_strides: Any,
    x_strides: Any,
    groups: Any,
    d: Any,
    dx: Any,
    x: Any,
    weights: Any,
    rows: Any,
    index: Any,
    places: Any,
    columns: Any,
) -> None:
    if full.is_full(rows, columns.size - 1):
        full.transposed(here, there, seen, d_strides, dx_strides, x_strides, groups, d, dx, x, weights, rows)
        return
    nothing = weights.dtype.type(0)
    for g in range(groups[0], groups[1], 2 ** len(d_strides)):
        d_at, dx_at, x_at = group_begin(here, g), group_begin(there, g), group_begin(seen, g)
        for feature in range(columns.size - 1):
            begin, end = columns[feature], columns[feature + 1]
            tile = tile_of(d, nothing, d_strides)
            tile = tile_add_products(tile, weights, index, places, begin, end, d, d_at, d_strides)
            if seen[Buffer.RELU]:
                tile = tile_where_positive(tile, x, x_at + feature * LANES, x_strides)
            tile_store(tile, dx, dx_at + feature * LANES, dx_strides)


# long because compiled code is given its arrays one by one
@compiled
def weight_gradient(
    features: int, here: Any, there: Any, groups: Any, x: Any, d: Any, places: Any, rows: Any, every: bool, out: Any
) -> None:
    """Into ``out``, in the order of the weights; ``here`` and ``there`` are the buffers of ``x`` and ``d``.

    ``rows`` [outputs + 1] says which of ``places`` are those of each output; with ``every`` all outputs have the same
    places, those of a full layer, and ``rows`` counts them.
    """
    if groups[0] == 0:
        out[rows[0] : rows[-1]] = 0
    block = BLOCK if every or full.is_full(rows, features) else features
    if _whole_slices(groups):
        strides = _strides(here), _strides(there)
        _add_weight_gradient(features, block, here, there, *strides, groups, x, d, places, rows, every, out)
    else:
        _add_weight_gradient(features, block, here, there, (), (), groups, x, d, places, rows, every, out)


# long because compiled code is given its arrays one by one
@compiled
def _add_weight_gradient(
    features: int,
    block: int,
    here: Any,
    there: Any,
    x_strides: Any,
    d_strides: Any,
    groups: Any,
    x: Any,
    d: Any,
    places: Any,
    rows: Any,
    every: bool,
    out: Any,
) -> None:
    sums = np.empty(TOTALS, out.dtype)
    for g in range(groups[0], groups[1], 2 ** len(x_strides)):
        x_at, d_at = group_begin(here, g), group_begin(there, g)
        for first in range(0, features, block):
            for output in range(rows.size - 1):
                begin, end = rows[output] + first, min(rows[output] + first + block, rows[output + 1])
                shift, rest = rows[output] if every else 0, end - (end - begin) % TOTALS
                tile = tile_load(d, d_at + output * LANES, d_strides)
                for n in range(begin, rest, TOTALS):
                    add_totals(tile, x, x_at, x_strides, places, n - shift, end - shift, out, n)
                if rest < end:
                    write_totals(tile, x, x_at, x_strides, places, rest - shift, end - 1 - shift, sums, 0)
                    for n in range(rest, end):
                        out[n] += sums[n - rest]
