"""The products of a linear layer of which every weight is active: several outputs share what they read.

Sums are made in the order in which `linear` makes them, so that results are the same to the bit.
"""

from collections.abc import Sequence
from typing import Any

from numba import types
from numba.extending import intrinsic

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.loops import WHOLE, Array, parts, repeated
from benchmark.training.engines.sparse.kernels.pixels import group_begin
from benchmark.training.engines.sparse.kernels.tiles import (
    Tile,
    Tiles,
    tile_of,
    tile_positive,
    tile_store,
    tile_where_positive,
)
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.table import Buffer

SEVERAL = 4
"""Outputs, or features, that are handled together: they lie side by side, so they are two more strides of a tile."""


@compiled
def is_full(rows: Any, features: int) -> bool:
    """Whether a network has all weights of a layer, and the layer is large enough to be computed so."""
    outputs = rows.size - 1
    found: bool = min(outputs, features) >= SEVERAL and rows[-1] - rows[0] == outputs * features
    return found


# long because compiled code is given its arrays one by one
@compiled
def forward(
    relu: int,
    here: Any,
    there: Any,
    x_strides: Any,
    y_strides: Any,
    groups: Any,
    x: Any,
    y: Any,
    weights: Any,
    rows: Any,
    bias: Any,
) -> None:
    """``y = W x + b``, with ReLU where ``relu`` says so; as `linear.forward`, for groups with these strides."""
    outputs = rows.size - 1
    features = (rows[-1] - rows[0]) // outputs
    for g in range(groups[0], groups[1], 2 ** len(x_strides)):
        x_at, y_at = group_begin(here, g), group_begin(there, g)
        for begin in range(0, outputs, SEVERAL):
            output = min(begin, outputs - SEVERAL)
            tile = _tile_of_several(x, bias, output, x_strides)
            tile = _tile_add_several(tile, weights, rows[output], (features, 1), features, x, x_at, x_strides)
            if relu:
                tile = tile_positive(tile)
            tile_store(tile, y, y_at + output * LANES, (LANES, 2 * LANES, *y_strides))


# long because compiled code is given its arrays one by one
@compiled
def transposed(
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
) -> None:
    """The gradient of the inputs, ``dx = Wᵀ d``; as `linear.transposed`, for groups with these strides."""
    outputs = rows.size - 1
    features = (rows[-1] - rows[0]) // outputs
    nothing = weights.dtype.type(0)
    for g in range(groups[0], groups[1], 2 ** len(d_strides)):
        d_at, dx_at, x_at = group_begin(here, g), group_begin(there, g), group_begin(seen, g)
        for begin in range(0, features, SEVERAL):
            feature = min(begin, features - SEVERAL)
            tile = tile_of(d, nothing, (LANES, 2 * LANES, *d_strides))
            tile = _tile_add_several(tile, weights, rows[0] + feature, (1, features), outputs, d, d_at, d_strides)
            if seen[Buffer.RELU]:
                tile = tile_where_positive(tile, x, x_at + feature * LANES, (LANES, 2 * LANES, *x_strides))
            tile_store(tile, dx, dx_at + feature * LANES, (LANES, 2 * LANES, *dx_strides))


@intrinsic  # type: ignore[untyped-decorator]
def _tile_of_several(typing: Any, array: Any, numbers: Any, index: Any, strides: Any) -> Any:
    """A tile of :data:`SEVERAL` numbers from ``index`` on, each as often as a tile with these strides has vectors."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, array.dtype)
        source = Array(emit, signature.args[1], arguments[1], arguments[2])
        each = [emit.splat(source.number(WHOLE(n))) for n in range(SEVERAL)]
        return emit.tile(each * (signature.return_type.count // SEVERAL))

    return Tile(array.dtype, SEVERAL * 2 ** len(strides))(array, numbers, types.intp, strides), code


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def _tile_add_several(
    typing: Any,
    tile: Any,
    weights: Any,
    first: Any,
    apart: Any,
    count: Any,
    array: Any,
    at: Any,
    strides: Any,
) -> Any:
    """``tile`` plus the products of so many features with the weights that each of :data:`SEVERAL` outputs has of them.

    That of output j and feature n is ``weights[first + j · apart[0] + n · apart[1]]``; the numbers of a feature are
    those of ``array`` from ``at + n · LANES`` on, at the ``strides`` of a tile of one output.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds, tiles = signature.args, Tiles(context, builder, tile.dtype)
        output, feature = (builder.extract_value(arguments[3], n) for n in (0, 1))
        starts = [builder.add(arguments[2], builder.mul(output, WHOLE(n))) for n in range(SEVERAL)]
        numbers = [Array(tiles, kinds[1], arguments[1], start) for start in starts]
        source, places = Array(tiles, kinds[5], arguments[5], arguments[6]), tiles.places(WHOLE(0), arguments[7])
        vectors = tiles.vectors(arguments[0])

        def summed(part: range) -> list[Any]:
            def add(number: Any, sums: Sequence[Any]) -> list[Any]:
                factors = [tiles.splat(each.number(builder.mul(number, feature))) for each in numbers]
                seen = [source.vector(places[n], builder.mul(number, WHOLE(LANES))) for n in part]
                pairs = [(vector, factor) for vector in seen for factor in factors]
                return [tiles.fma(*pair, added) for pair, added in zip(pairs, sums, strict=True)]

            some = vectors[part.start * SEVERAL : part.stop * SEVERAL]
            return repeated(builder, WHOLE(0), arguments[4], some, add)

        return tiles.tile([vector for part in parts(len(places), SEVERAL * tiles.align) for vector in summed(part)])

    pair = types.UniTuple(types.intp, 2)
    return tile(tile, weights, types.intp, pair, types.intp, array, types.intp, strides), code
