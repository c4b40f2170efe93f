"""Tiles of eight vectors, which stay in registers while a loop adds to them.

The eight vectors lie at every sum of three strides, so one kernel serves contiguous numbers, pixels of several rows,
and groups of a batch alike.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from benchmark.training.engines.sparse.vectors import Emitter, Vector, vector_type

VECTORS = 8
"""Vectors in a tile."""
_INDICES = (types.intp,) * 4


class Tile(types.Type):  # type: ignore[misc]
    """:data:`VECTORS` vectors."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Tile({dtype})")


@register_model(Tile)
class _TileModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.ArrayType(vector_type(kind.dtype), VECTORS))


class Tiles(Emitter):
    """Operations on tiles."""

    def places(self, index: Any, strides: list[Any]) -> list[Any]:
        """The index of each vector of a tile."""
        found = [index]
        for stride in strides:
            found += [self.builder.add(place, stride) for place in found]
        return found

    def tile(self, vectors: list[Any]) -> Any:
        value = ir.Constant(ir.ArrayType(self.vector, VECTORS), ir.Undefined)
        for number, vector in enumerate(vectors):
            value = self.builder.insert_value(value, vector, number)
        return value

    def vectors(self, tile: Any) -> list[Any]:
        return [self.builder.extract_value(tile, number) for number in range(VECTORS)]


@intrinsic  # type: ignore[untyped-decorator]
def tile_of(typing: Any, array: Any, scalar: Any) -> Any:
    """A tile of one number, of an array's type."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        return emit.tile([emit.splat(arguments[1])] * VECTORS)

    return Tile(array.dtype)(array, array.dtype), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_load(typing: Any, array: Any, index: Any, s0: Any, s1: Any, s2: Any) -> Any:
    """The tile at the places that ``index`` and three strides give."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        places = emit.places(arguments[1], list(arguments[2:]))
        return emit.tile([emit.load(signature.args[0], arguments[0], place) for place in places])

    return Tile(array.dtype)(array, *_INDICES), code


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def tile_products(typing: Any, tile: Any, array: Any, index: Any, s0: Any, s1: Any, s2: Any) -> Any:
    """The vector that is the sum of the eight products of a tile's vectors with those of ``array``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        kind = signature.args[1]
        places = emit.places(arguments[2], list(arguments[3:]))
        vectors = emit.vectors(arguments[0])
        sums = [builder.fmul(emit.load(kind, arguments[1], places[n]), vectors[n]) for n in (0, 1)]
        for n in range(2, VECTORS):
            sums[n % 2] = emit.fma(emit.load(kind, arguments[1], places[n]), vectors[n], sums[n % 2])
        return builder.fadd(*sums)

    return Vector(tile.dtype)(tile, array, *_INDICES), code


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def tile_store(typing: Any, tile: Any, array: Any, index: Any, s0: Any, s1: Any, s2: Any) -> Any:
    """Write a tile to its places."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        places = emit.places(arguments[2], list(arguments[3:]))
        for place, vector in zip(places, emit.vectors(arguments[0]), strict=True):
            emit.store(vector, signature.args[1], arguments[1], place)

    return types.void(tile, array, *_INDICES), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_positive(typing: Any, tile: Any) -> Any:
    """A tile with its negative numbers set to zero."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        return emit.tile([emit.keep_positive(vector, vector) for vector in emit.vectors(arguments[0])])

    return tile(tile), code


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def tile_where_positive(typing: Any, tile: Any, array: Any, index: Any, s0: Any, s1: Any, s2: Any) -> Any:
    """A tile with zeros where ``array`` is not positive: the derivative of ReLU, given its outputs."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        places = emit.places(arguments[2], list(arguments[3:]))
        return emit.tile(
            [
                emit.keep_positive(vector, emit.load(signature.args[1], arguments[1], place))
                for place, vector in zip(places, emit.vectors(arguments[0]), strict=True)
            ]
        )

    return tile(tile, array, *_INDICES), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_store_totals(typing: Any, tile: Any, array: Any, index: Any) -> Any:
    """Write the sum of each vector, one after the other."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Tiles(context, builder, signature.args[0].dtype)
        vectors = emit.vectors(arguments[0])
        for first in range(0, VECTORS, 4):
            place = builder.add(arguments[2], arguments[2].type(first))
            emit.store_totals(vectors[first : first + 4], signature.args[1], arguments[1], place)

    return types.void(tile, array, types.intp), code
