"""Vectors of sixteen numbers and tiles of eight such vectors, as values of compiled functions.

A compiler decides by its own estimates how wide it vectorises a loop and how much of it stays in registers. Here the
kernels say it: a :class:`Vector` is what one instruction handles (one AVX-512 register of float32; elsewhere the
compiler splits it), and a :class:`Tile` is eight vectors that stay in registers while a loop adds to them. The eight
vectors of a tile lie at every sum of three strides, so one kernel serves contiguous numbers, pixels of several rows,
and blocks of a batch alike.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

LANES = 16
"""Numbers in a vector."""
VECTORS = 8
"""Vectors in a tile."""


class Vector(types.Type):  # type: ignore[misc]
    """:data:`LANES` numbers of one floating-point type."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype})")


class Tile(types.Type):  # type: ignore[misc]
    """:data:`VECTORS` vectors."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Tile({dtype})")


def _vector(dtype: Any) -> ir.VectorType:
    return ir.VectorType(ir.FloatType() if dtype == types.float32 else ir.DoubleType(), LANES)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _vector(kind.dtype))


@register_model(Tile)
class _TileModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.ArrayType(_vector(kind.dtype), VECTORS))


class _Emitter:
    """What the intrinsics below share: pointers into arrays, and operations on whole vectors."""

    def __init__(self, context: Any, builder: Any, dtype: Any) -> None:
        self.context, self.builder = context, builder
        self.vector = _vector(dtype)
        self.align = 4 if dtype == types.float32 else 8
        self.suffix = f"v{LANES}f{self.align * 8}"

    def pointer(self, kind: Any, array: Any, index: Any) -> Any:
        data = self.context.make_array(kind)(self.context, self.builder, array).data
        return self.builder.bitcast(self.builder.gep(data, [index]), self.vector.as_pointer())

    def load(self, kind: Any, array: Any, index: Any) -> Any:
        return self.builder.load(self.pointer(kind, array, index), align=self.align)

    def store(self, value: Any, kind: Any, array: Any, index: Any) -> None:
        self.builder.store(value, self.pointer(kind, array, index), align=self.align)

    def splat(self, scalar: Any) -> Any:
        first = self.builder.insert_element(ir.Constant(self.vector, ir.Undefined), scalar, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return self.builder.shuffle_vector(first, first, zeros)

    def fma(self, left: Any, right: Any, added: Any) -> Any:
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fma.{self.suffix}"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [left, right, added])

    def sum(self, vector: Any) -> Any:
        kind = ir.FunctionType(self.vector.element, [self.vector.element, self.vector])
        function = cgutils.get_or_insert_function(self.builder.module, kind, f"llvm.vector.reduce.fadd.{self.suffix}")
        start = ir.Constant(self.vector.element, -0.0)
        return self.builder.call(function, [start, vector], fastmath=("reassoc",))

    def keep_positive(self, value: Any, of: Any) -> Any:
        zero = ir.Constant(self.vector, [0.0] * LANES)
        # "unordered": what is not a number stays, as in torch, so that a training that diverges shows it
        return self.builder.select(self.builder.fcmp_unordered(">", of, zero), value, zero)

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


_Code = Callable[[_Emitter, Any, Any], Any]
_INDICES = (types.intp,) * 4


@intrinsic  # type: ignore[untyped-decorator]
def zero(typing: Any, array: Any) -> Any:
    """A vector of zeros, of an array's type."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(_vector(signature.args[0].dtype), [0.0] * LANES)

    return Vector(array.dtype)(array), code


@intrinsic  # type: ignore[untyped-decorator]
def load(typing: Any, array: Any, index: Any) -> Any:
    """The vector that begins at ``index``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _Emitter(context, builder, signature.args[0].dtype).load(signature.args[0], *arguments)

    return Vector(array.dtype)(array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def store(typing: Any, vector: Any, array: Any, index: Any) -> Any:
    """Write a vector to where ``index`` is."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _Emitter(context, builder, signature.args[0].dtype).store(arguments[0], signature.args[1], *arguments[1:])

    return types.void(vector, array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def add_product(typing: Any, added: Any, vector: Any, array: Any, index: Any) -> Any:
    """``added + vector · array[index:index + LANES]``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        return emit.fma(emit.load(signature.args[2], *arguments[2:]), arguments[1], arguments[0])

    return added(added, vector, array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def total(typing: Any, vector: Any) -> Any:
    """The sum of a vector's numbers."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _Emitter(context, builder, signature.args[0].dtype).sum(arguments[0])

    return vector.dtype(vector), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_of(typing: Any, array: Any, scalar: Any) -> Any:
    """A tile of one number, of an array's type."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        return emit.tile([emit.splat(arguments[1])] * VECTORS)

    return Tile(array.dtype)(array, array.dtype), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_add_product(typing: Any, tile: Any, scalar: Any, array: Any, index: Any, s0: Any, s1: Any, s2: Any) -> Any:
    """``tile + scalar · array`` at a tile's places."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        scalar, kind = emit.splat(arguments[1]), signature.args[2]
        places = emit.places(arguments[3], list(arguments[4:]))
        return emit.tile(
            [
                emit.fma(emit.load(kind, arguments[2], place), scalar, vector)
                for place, vector in zip(places, emit.vectors(arguments[0]), strict=True)
            ]
        )

    return tile(tile, tile.dtype, array, *_INDICES), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_store(typing: Any, tile: Any, array: Any, index: Any, s0: Any, s1: Any, s2: Any) -> Any:
    """Write a tile to its places."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        places = emit.places(arguments[2], list(arguments[3:]))
        for place, vector in zip(places, emit.vectors(arguments[0]), strict=True):
            emit.store(vector, signature.args[1], arguments[1], place)

    return types.void(tile, array, *_INDICES), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_positive(typing: Any, tile: Any) -> Any:
    """A tile with its negative numbers set to zero."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        return emit.tile([emit.keep_positive(vector, vector) for vector in emit.vectors(arguments[0])])

    return tile(tile), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_where_positive(typing: Any, tile: Any, array: Any, index: Any, s0: Any, s1: Any, s2: Any) -> Any:
    """A tile with zeros where ``array`` is not positive: the derivative of ReLU, given its outputs."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        places = emit.places(arguments[2], list(arguments[3:]))
        return emit.tile(
            [
                emit.keep_positive(vector, emit.load(signature.args[1], arguments[1], place))
                for place, vector in zip(places, emit.vectors(arguments[0]), strict=True)
            ]
        )

    return tile(tile, array, *_INDICES), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_load(typing: Any, array: Any, index: Any, s0: Any, s1: Any, s2: Any) -> Any:
    """The tile at the places that ``index`` and three strides give."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        places = emit.places(arguments[1], list(arguments[2:]))
        return emit.tile([emit.load(signature.args[0], arguments[0], place) for place in places])

    return Tile(array.dtype)(array, *_INDICES), code


@intrinsic  # type: ignore[untyped-decorator]
def tile_products(typing: Any, tile: Any, array: Any, index: Any, s0: Any, s1: Any, s2: Any) -> Any:
    """The vector that is the sum of the eight products of a tile's vectors with those of ``array``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        kind = signature.args[1]
        places = emit.places(arguments[2], list(arguments[3:]))
        vectors = emit.vectors(arguments[0])
        sums = [builder.fmul(emit.load(kind, arguments[1], places[n]), vectors[n]) for n in (0, 1)]
        for n in range(2, VECTORS):
            sums[n % 2] = emit.fma(emit.load(kind, arguments[1], places[n]), vectors[n], sums[n % 2])
        return builder.fadd(*sums)

    return Vector(tile.dtype)(tile, array, *_INDICES), code


@intrinsic  # type: ignore[untyped-decorator]
def store_totals(typing: Any, a: Any, b: Any, c: Any, d: Any, array: Any, index: Any) -> Any:
    """Write the sums of four vectors one after the other."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        kind = signature.args[4]
        int32 = ir.IntType(32)

        def shuffle(left: Any, right: Any, chosen: list[int]) -> Any:
            return builder.shuffle_vector(left, right, ir.Constant(ir.VectorType(int32, len(chosen)), chosen))

        def interleaved(left: Any, right: Any) -> Any:
            """Alternating sums of two neighbours of ``left`` and ``right``, inside every four numbers."""
            low = [four + k + side * LANES for four in range(0, LANES, 4) for k in (0, 1) for side in (0, 1)]
            return builder.fadd(shuffle(left, right, low), shuffle(left, right, [k + 2 for k in low]))

        first, second = interleaved(*arguments[:2]), interleaved(*arguments[2:4])
        low = [four + k + side * LANES for four in range(0, LANES, 4) for side in (0, 1) for k in (0, 1)]
        both = builder.fadd(shuffle(first, second, low), shuffle(first, second, [k + 2 for k in low]))
        half = builder.fadd(shuffle(both, both, list(range(8))), shuffle(both, both, list(range(8, 16))))
        sums = builder.fadd(shuffle(half, half, list(range(4))), shuffle(half, half, list(range(4, 8))))
        data = context.make_array(kind)(context, builder, arguments[4]).data
        target = builder.bitcast(builder.gep(data, [arguments[5]]), sums.type.as_pointer())
        builder.store(sums, target, align=emit.align)

    return types.void(a, b, c, d, array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def add_from(typing: Any, added: Any, array: Any, index: Any) -> Any:
    """``added + array[index:index + LANES]``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        return builder.fadd(arguments[0], emit.load(signature.args[1], *arguments[1:]))

    return added(added, array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def vector_of(typing: Any, array: Any, scalar: Any) -> Any:
    """A vector of one number, of an array's type."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _Emitter(context, builder, signature.args[0].dtype).splat(arguments[1])

    return Vector(array.dtype)(array, array.dtype), code


@intrinsic  # type: ignore[untyped-decorator]
def add_scaled(typing: Any, added: Any, scalar: Any, array: Any, index: Any) -> Any:
    """``added + scalar · array[index:index + LANES]``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        return emit.fma(emit.load(signature.args[2], *arguments[2:]), emit.splat(arguments[1]), arguments[0])

    return added(added, added.dtype, array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def add_vectors(typing: Any, added: Any, left: Any, right: Any) -> Any:
    """``added + left · right``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _Emitter(context, builder, signature.args[0].dtype).fma(arguments[1], arguments[2], arguments[0])

    return added(added, left, right), code


@intrinsic  # type: ignore[untyped-decorator]
def positive(typing: Any, vector: Any) -> Any:
    """A vector with its negative numbers set to zero."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _Emitter(context, builder, signature.args[0].dtype).keep_positive(arguments[0], arguments[0])

    return vector(vector), code


@intrinsic  # type: ignore[untyped-decorator]
def where_positive(typing: Any, vector: Any, array: Any, index: Any) -> Any:
    """A vector with zeros where ``array`` is not positive."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        return emit.keep_positive(arguments[0], emit.load(signature.args[1], *arguments[1:]))

    return vector(vector, array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def first_lanes(typing: Any, vector: Any, lanes: Any) -> Any:
    """A vector with zeros from lane number ``lanes`` on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        kind = ir.VectorType(arguments[1].type, LANES)
        one = builder.insert_element(ir.Constant(kind, ir.Undefined), arguments[1], ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        inside = builder.icmp_signed(
            "<", ir.Constant(kind, list(range(LANES))), builder.shuffle_vector(one, one, zeros)
        )
        return builder.select(inside, arguments[0], ir.Constant(emit.vector, [0.0] * LANES))

    return vector(vector, types.intp), code


_BYTES = ir.VectorType(ir.IntType(8), LANES)


class Maximum(types.Type):  # type: ignore[misc]
    """The largest numbers seen so far, lane by lane, and the number of the one that each was."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Maximum({dtype})")


@register_model(Maximum)
class _MaximumModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.LiteralStructType([_vector(kind.dtype), _BYTES]))


@intrinsic  # type: ignore[untyped-decorator]
def maximum_of(typing: Any, array: Any, index: Any) -> Any:
    """The numbers that begin at ``index``, which are number 0."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        value = ir.Constant(ir.LiteralStructType([emit.vector, _BYTES]), ir.Undefined)
        value = builder.insert_value(value, emit.load(signature.args[0], *arguments), 0)
        return builder.insert_value(value, ir.Constant(_BYTES, [0] * LANES), 1)

    return Maximum(array.dtype)(array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def maximum_with(typing: Any, maximum: Any, array: Any, index: Any, number: Any) -> Any:
    """The larger numbers; those that begin at ``index`` are number ``number``. The first of equals stays."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Emitter(context, builder, signature.args[0].dtype)
        new = emit.load(signature.args[1], *arguments[1:3])
        old, which = builder.extract_value(arguments[0], 0), builder.extract_value(arguments[0], 1)
        # what is not a number is shown, as in torch
        larger = builder.or_(builder.fcmp_ordered(">", new, old), builder.fcmp_unordered("!=", new, new))
        byte = builder.trunc(arguments[3], ir.IntType(8))
        one = builder.insert_element(ir.Constant(_BYTES, ir.Undefined), byte, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        value = builder.insert_value(arguments[0], builder.select(larger, new, old), 0)
        return builder.insert_value(value, builder.select(larger, builder.shuffle_vector(one, one, zeros), which), 1)

    return maximum(maximum, array, types.intp, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def largest(typing: Any, maximum: Any, memory: Any, index: Any) -> Any:
    """The largest numbers; which they were is written to ``memory`` (uint8)."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[1])(context, builder, arguments[1]).data
        target = builder.bitcast(builder.gep(data, [arguments[2]]), _BYTES.as_pointer())
        builder.store(builder.extract_value(arguments[0], 1), target, align=1)
        return builder.extract_value(arguments[0], 0)

    return Vector(maximum.dtype)(maximum, memory, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def where_chosen(typing: Any, vector: Any, memory: Any, index: Any, number: Any) -> Any:
    """A vector with zeros where ``memory`` (uint8) is not ``number``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[1])(context, builder, arguments[1]).data
        source = builder.bitcast(builder.gep(data, [arguments[2]]), _BYTES.as_pointer())
        which = builder.load(source, align=1)
        byte = builder.trunc(arguments[3], ir.IntType(8))
        one = builder.insert_element(ir.Constant(_BYTES, ir.Undefined), byte, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        equal = builder.icmp_unsigned("==", which, builder.shuffle_vector(one, one, zeros))
        return builder.select(equal, arguments[0], ir.Constant(arguments[0].type, [0.0] * LANES))

    return vector(vector, memory, types.intp, types.intp), code
