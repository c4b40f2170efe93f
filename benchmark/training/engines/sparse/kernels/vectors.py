"""Vectors of sixteen numbers, as values of compiled functions.

A compiler decides by its own estimates how wide it vectorises a loop and how much of it stays in registers. Here the
kernels say it: a :class:`Vector` is what one instruction handles (one AVX-512 register of float32; elsewhere the
compiler splits it).
"""

from collections.abc import Sequence
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

LANES = 16
"""Numbers in a vector."""
TOTALS = 4
"""Sums of vectors that are written at once."""
BYTES = ir.VectorType(ir.IntType(8), LANES)
"""A byte for each lane."""


class Vector(types.Type):  # type: ignore[misc]
    """:data:`LANES` numbers of one floating-point type."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype})")


def vector_type(dtype: Any, lanes: int = LANES) -> ir.VectorType:
    """The type of a vector in compiled code."""
    return ir.VectorType(ir.FloatType() if dtype == types.float32 else ir.DoubleType(), lanes)


def register_bytes() -> int:
    """Bytes of this processor's widest registers, as far as kernels use them."""
    try:
        return 64 if llvm.get_host_cpu_features().get("avx512f", False) else 32
    except RuntimeError:  # it does not know this processor
        return 32


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, vector_type(kind.dtype))


class Emitter:
    """What intrinsics share: pointers into arrays, and operations on whole vectors."""

    def __init__(self, context: Any, builder: Any, dtype: Any, lanes: int = LANES) -> None:
        self.context, self.builder = context, builder
        self.vector, self.lanes = vector_type(dtype, lanes), lanes
        self.zeros = ir.Constant(self.vector, [0.0] * lanes)
        self.align = 4 if dtype == types.float32 else 8
        self.suffix = f"v{lanes}f{self.align * 8}"

    def pointer(self, kind: Any, array: Any, index: Any) -> Any:
        data = self.context.make_array(kind)(self.context, self.builder, array).data
        return self.builder.bitcast(self.builder.gep(data, [index]), self.vector.as_pointer())

    def load(self, kind: Any, array: Any, index: Any) -> Any:
        return self.builder.load(self.pointer(kind, array, index), align=self.align)

    def store(self, value: Any, kind: Any, array: Any, index: Any) -> None:
        self.builder.store(value, self.pointer(kind, array, index), align=self.align)

    def splat(self, scalar: Any) -> Any:
        first = self.builder.insert_element(ir.Constant(self.vector, ir.Undefined), scalar, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
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
        # "unordered": what is not a number stays, as in torch, so that a training that diverges shows it
        return self.builder.select(self.builder.fcmp_unordered(">", of, self.zeros), value, self.zeros)

    def totals(self, four: Sequence[Any]) -> Any:
        """The sums of four vectors, side by side."""
        found = [self._halved(vector) for vector in four]
        while len(found) > 1:  # lanes of two vectors in turn, chosen within each four, which AVX2 does at once
            pairs = zip(found[::2], found[1::2], strict=True)
            first = (0, 8, 1, 9, 4, 12, 5, 13) if len(found) == 4 else (0, 1, 8, 9, 4, 5, 12, 13)
            second = [lane + 2 for lane in first]
            found = [self.builder.fadd(self._chosen(a, b, first), self._chosen(a, b, second)) for a, b in pairs]
        return self._halved(found[0])

    def _halved(self, vector: Any) -> Any:
        """The sum of the two halves of a vector."""
        half = vector.type.count // 2
        low, high = range(half), range(half, 2 * half)
        return self.builder.fadd(self._chosen(vector, vector, low), self._chosen(vector, vector, high))

    def totals_pointer(self, kind: Any, array: Any, index: Any) -> Any:
        """Where four sums are."""
        data = self.context.make_array(kind)(self.context, self.builder, array).data
        return self.builder.bitcast(
            self.builder.gep(data, [index]), ir.VectorType(self.vector.element, TOTALS).as_pointer()
        )

    def _chosen(self, left: Any, right: Any, lanes: Sequence[int]) -> Any:
        """These lanes of two vectors, where those of the second follow those of the first."""
        return self.builder.shuffle_vector(
            left, right, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), list(lanes))
        )

    def bytes_pointer(self, kind: Any, array: Any, index: Any) -> Any:
        """Where a byte of each lane is."""
        data = self.context.make_array(kind)(self.context, self.builder, array).data
        return self.builder.bitcast(self.builder.gep(data, [index]), BYTES.as_pointer())


@intrinsic  # type: ignore[untyped-decorator]
def zero(typing: Any, array: Any) -> Any:
    """A vector of zeros, of an array's type."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(vector_type(signature.args[0].dtype), [0.0] * LANES)

    return Vector(array.dtype)(array), code


@intrinsic  # type: ignore[untyped-decorator]
def load(typing: Any, array: Any, index: Any) -> Any:
    """The vector that begins at ``index``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return Emitter(context, builder, signature.args[0].dtype).load(signature.args[0], *arguments)

    return Vector(array.dtype)(array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def store(typing: Any, vector: Any, array: Any, index: Any) -> Any:
    """Write a vector to where ``index`` is."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        Emitter(context, builder, signature.args[0].dtype).store(arguments[0], signature.args[1], *arguments[1:])

    return types.void(vector, array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def keep_for_later(typing: Any, vector: Any, array: Any, index: Any) -> Any:
    """Write a vector past the caches, for it is read much later; it must begin where a line of the cache does."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(context, builder, signature.args[0].dtype)
        stored = builder.store(arguments[0], emit.pointer(signature.args[1], *arguments[1:]), align=64)
        stored.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    return types.void(vector, array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def add_product(typing: Any, added: Any, vector: Any, array: Any, index: Any) -> Any:
    """``added + vector · array[index:index + LANES]``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(context, builder, signature.args[0].dtype)
        return emit.fma(emit.load(signature.args[2], *arguments[2:]), arguments[1], arguments[0])

    return added(added, vector, array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def total(typing: Any, vector: Any) -> Any:
    """The sum of a vector's numbers."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return Emitter(context, builder, signature.args[0].dtype).sum(arguments[0])

    return vector.dtype(vector), code


@intrinsic  # type: ignore[untyped-decorator]
def add_from(typing: Any, added: Any, array: Any, index: Any) -> Any:
    """``added + array[index:index + LANES]``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(context, builder, signature.args[0].dtype)
        return builder.fadd(arguments[0], emit.load(signature.args[1], *arguments[1:]))

    return added(added, array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def add_vector(typing: Any, added: Any, vector: Any) -> Any:
    """The sum of two vectors."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments)

    return added(added, vector), code


@intrinsic  # type: ignore[untyped-decorator]
def vector_of(typing: Any, array: Any, scalar: Any) -> Any:
    """A vector of one number, of an array's type."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return Emitter(context, builder, signature.args[0].dtype).splat(arguments[1])

    return Vector(array.dtype)(array, array.dtype), code


@intrinsic  # type: ignore[untyped-decorator]
def add_scaled(typing: Any, added: Any, scalar: Any, array: Any, index: Any) -> Any:
    """``added + scalar · array[index:index + LANES]``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(context, builder, signature.args[0].dtype)
        return emit.fma(emit.load(signature.args[2], *arguments[2:]), emit.splat(arguments[1]), arguments[0])

    return added(added, added.dtype, array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def add_vectors(typing: Any, added: Any, left: Any, right: Any) -> Any:
    """``added + left · right``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return Emitter(context, builder, signature.args[0].dtype).fma(arguments[1], arguments[2], arguments[0])

    return added(added, left, right), code


@intrinsic  # type: ignore[untyped-decorator]
def positive(typing: Any, vector: Any) -> Any:
    """A vector with its negative numbers set to zero."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return Emitter(context, builder, signature.args[0].dtype).keep_positive(arguments[0], arguments[0])

    return vector(vector), code


@intrinsic  # type: ignore[untyped-decorator]
def where_positive(typing: Any, vector: Any, array: Any, index: Any) -> Any:
    """A vector with zeros where ``array`` is not positive."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(context, builder, signature.args[0].dtype)
        return emit.keep_positive(arguments[0], emit.load(signature.args[1], *arguments[1:]))

    return vector(vector, array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def first_lanes(typing: Any, vector: Any, lanes: Any) -> Any:
    """A vector with zeros from lane number ``lanes`` on."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(context, builder, signature.args[0].dtype)
        kind = ir.VectorType(arguments[1].type, LANES)
        one = builder.insert_element(ir.Constant(kind, ir.Undefined), arguments[1], ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        inside = builder.icmp_signed(
            "<", ir.Constant(kind, list(range(LANES))), builder.shuffle_vector(one, one, zeros)
        )
        return builder.select(inside, arguments[0], emit.zeros)

    return vector(vector, types.intp), code
