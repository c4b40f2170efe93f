"""Tiles: some vectors, which stay in registers while a loop adds to them.

They lie at every sum of some strides, so one kernel serves contiguous numbers, pixels of several rows, and groups of a
batch alike: a tile of three strides has eight vectors, one of none has one.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from benchmark.training.engines.sparse.kernels.vectors import TOTALS, Emitter, Vector, vector_type

VECTORS = 8
"""Vectors in a tile of three strides."""


class Tile(types.Type):  # type: ignore[misc]
    """So many vectors."""

    def __init__(self, dtype: Any, count: int) -> None:
        self.dtype, self.count = dtype, count
        super().__init__(name=f"Tile({dtype}, {count})")


def tile_type(dtype: Any, strides: Any) -> Tile:
    """The type of a tile whose vectors lie at every sum of the ``strides``, a tuple of compiled code."""
    return Tile(dtype, 2 ** len(strides))


@register_model(Tile)
class _TileModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.ArrayType(vector_type(kind.dtype), kind.count))


class Tiles(Emitter):
    """Operations on tiles."""

    def places(self, index: Any, strides: Any) -> list[Any]:
        """The index of each vector of a tile."""
        found = [index]
        for stride in cgutils.unpack_tuple(self.builder, strides):
            found += [self.builder.add(place, stride) for place in found]
        return found

    def tile(self, vectors: Sequence[Any]) -> Any:
        value = ir.Constant(ir.ArrayType(self.vector, len(vectors)), ir.Undefined)
        for number, vector in enumerate(vectors):
            value = self.builder.insert_value(value, vector, number)
        return value

    def vectors(self, tile: Any) -> list[Any]:
        return [self.builder.extract_value(tile, number) for number in range(tile.type.count)]


@intrinsic  # type: ignore[untyped-decorator]
def tile_of(typing: Any, array: Any, scalar: Any, strides: Any) -> Any:
    """A tile of one number, of an array's type, with as many vectors as tiles with these strides have."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        return emit.tile([emit.splat(arguments[1])] * signature.return_type.count)

    return tile_type(array.dtype, strides)(array, array.dtype, strides), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_load(typing: Any, array: Any, index: Any, strides: Any) -> Any:
    """The tile at the places that ``index`` and the strides give."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        places = emit.places(arguments[1], arguments[2])
        return emit.tile([emit.load(signature.args[0], arguments[0], place) for place in places])

    return tile_type(array.dtype, strides)(array, types.intp, strides), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_products(typing: Any, tile: Any, array: Any, index: Any, strides: Any) -> Any:
    """The vector that is the sum of the products of a tile's vectors with those of ``array``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        kind = signature.args[1]
        places, vectors = emit.places(arguments[2], arguments[3]), emit.vectors(arguments[0])
        sums = [builder.fmul(emit.load(kind, arguments[1], places[n]), vectors[n]) for n in (0, 1)]
        for n in range(2, len(vectors)):
            sums[n % 2] = emit.fma(emit.load(kind, arguments[1], places[n]), vectors[n], sums[n % 2])
        return builder.fadd(*sums)

    return Vector(tile.dtype)(tile, array, types.intp, strides), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_store(typing: Any, tile: Any, array: Any, index: Any, strides: Any) -> Any:
    """Write a tile to its places."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        places = emit.places(arguments[2], arguments[3])
        for place, vector in zip(places, emit.vectors(arguments[0]), strict=True):
            emit.store(vector, signature.args[1], arguments[1], place)

    return types.void(tile, array, types.intp, strides), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_positive(typing: Any, tile: Any) -> Any:
    """A tile with its negative numbers set to zero."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        return emit.tile([emit.keep_positive(vector, vector) for vector in emit.vectors(arguments[0])])

    return tile(tile), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_where_positive(typing: Any, tile: Any, array: Any, index: Any, strides: Any) -> Any:
    """A tile with zeros where ``array`` is not positive: the derivative of ReLU, given its outputs."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        places = emit.places(arguments[2], arguments[3])
        return emit.tile(
            [
                emit.keep_positive(vector, emit.load(signature.args[1], arguments[1], place))
                for place, vector in zip(places, emit.vectors(arguments[0]), strict=True)
            ]
        )

    return tile(tile, array, types.intp, strides), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_store_totals(typing: Any, tile: Any, array: Any, start: Any) -> Any:
    """Write the sum of each vector of a tile of eight, one after the other."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        vectors = emit.vectors(arguments[0])
        for first in range(0, VECTORS, TOTALS):
            index = builder.add(arguments[2], arguments[2].type(first))
            place = emit.totals_pointer(signature.args[1], arguments[1], index)
            builder.store(emit.totals(vectors[first : first + TOTALS]), place, align=emit.align)
        return context.get_dummy_value()

    return types.void(tile, array, types.intp), code
