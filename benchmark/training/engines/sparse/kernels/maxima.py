"""The largest of several vectors, lane by lane, and which it was: what max-pooling does."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from benchmark.training.engines.sparse.kernels.vectors import BYTES, LANES, Emitter, Vector, vector_type


class Maximum(types.Type):  # type: ignore[misc]
    """The largest numbers seen so far, lane by lane, and the number of the one that each was."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Maximum({dtype})")


@register_model(Maximum)
class _MaximumModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.LiteralStructType([vector_type(kind.dtype), BYTES]))


def _larger(builder: Any, new: Any, old: Any) -> Any:
    """Lanes in which ``new`` is larger, or is not a number, which is shown as in torch."""
    return builder.or_(builder.fcmp_ordered(">", new, old), builder.fcmp_unordered("!=", new, new))


@intrinsic  # type: ignore[untyped-decorator]
def maximum_of(typing: Any, array: Any, index: Any) -> Any:
    """The numbers that begin at ``index``, which are number 0."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(context, builder, signature.args[0].dtype)
        value = ir.Constant(ir.LiteralStructType([emit.vector, BYTES]), ir.Undefined)
        value = builder.insert_value(value, emit.load(signature.args[0], *arguments), 0)
        return builder.insert_value(value, ir.Constant(BYTES, [0] * LANES), 1)

    return Maximum(array.dtype)(array, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def maximum_with(typing: Any, maximum: Any, array: Any, index: Any, number: Any) -> Any:
    """The larger numbers; those that begin at ``index`` are number ``number``. The first of equals stays."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(context, builder, signature.args[0].dtype)
        new = emit.load(signature.args[1], *arguments[1:3])
        old, which = builder.extract_value(arguments[0], 0), builder.extract_value(arguments[0], 1)
        larger = _larger(builder, new, old)
        byte = builder.trunc(arguments[3], ir.IntType(8))
        one = builder.insert_element(ir.Constant(BYTES, ir.Undefined), byte, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        value = builder.insert_value(arguments[0], builder.select(larger, new, old), 0)
        return builder.insert_value(value, builder.select(larger, builder.shuffle_vector(one, one, zeros), which), 1)

    return maximum(maximum, array, types.intp, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def largest(typing: Any, maximum: Any, memory: Any, index: Any) -> Any:
    """The largest numbers; which they were is written to ``memory`` (uint8)."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = Emitter(context, builder, maximum.dtype).bytes_pointer(signature.args[1], *arguments[1:])
        builder.store(builder.extract_value(arguments[0], 1), target, align=1)
        return builder.extract_value(arguments[0], 0)

    return Vector(maximum.dtype)(maximum, memory, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def where_chosen(typing: Any, vector: Any, memory: Any, index: Any, number: Any) -> Any:
    """A vector with zeros where ``memory`` (uint8) is not ``number``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = Emitter(context, builder, vector.dtype).bytes_pointer(signature.args[1], *arguments[1:3])
        which = builder.load(source, align=1)
        byte = builder.trunc(arguments[3], ir.IntType(8))
        one = builder.insert_element(ir.Constant(BYTES, ir.Undefined), byte, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        equal = builder.icmp_unsigned("==", which, builder.shuffle_vector(one, one, zeros))
        return builder.select(equal, arguments[0], ir.Constant(arguments[0].type, [0.0] * LANES))

    return vector(vector, memory, types.intp, types.intp), code


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def largest_of_four(typing: Any, array: Any, index: Any, right: Any, down: Any, memory: Any, kept: Any) -> Any:
    """As :func:`largest` of a window of two rows and columns that begins at ``index``, without a loop."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(context, builder, signature.args[0].dtype)
        whole = ir.VectorType(ir.IntType(emit.align * 8), LANES)

        def row(start: Any, first: int) -> tuple[Any, Any]:
            """The larger of two neighbours, and its number."""
            old, new = (
                emit.load(signature.args[0], arguments[0], at) for at in (start, builder.add(start, arguments[2]))
            )
            taken = _larger(builder, new, old)
            numbers = [ir.Constant(whole, [number] * LANES) for number in (first + 1, first)]
            return builder.select(taken, new, old), builder.select(taken, *numbers)

        upper, lower = row(arguments[1], 0), row(builder.add(arguments[1], arguments[3]), 2)
        taken = _larger(builder, lower[0], upper[0])
        which = builder.trunc(builder.select(taken, lower[1], upper[1]), BYTES)
        builder.store(which, emit.bytes_pointer(signature.args[4], arguments[4], arguments[5]), align=1)
        return builder.select(taken, lower[0], upper[0])

    return Vector(array.dtype)(array, *(types.intp,) * 3, memory, types.intp), code


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def store_where_chosen(
    typing: Any, vector: Any, memory: Any, kept: Any, array: Any, index: Any, right: Any, down: Any
) -> Any:
    """Write :func:`where_chosen` of each number to such a window."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = Emitter(context, builder, signature.args[3].dtype)
        whole = ir.VectorType(ir.IntType(emit.align * 8), LANES)
        bytes_ = builder.load(emit.bytes_pointer(signature.args[1], arguments[1], arguments[2]), align=1)
        which, nothing = builder.zext(bytes_, whole), ir.Constant(emit.vector, [0.0] * LANES)
        below = builder.add(arguments[4], arguments[6])
        places = [at for start in (arguments[4], below) for at in (start, builder.add(start, arguments[5]))]
        for number, at in enumerate(places):
            equal = builder.icmp_unsigned("==", which, ir.Constant(whole, [number] * LANES))
            emit.store(builder.select(equal, arguments[0], nothing), signature.args[3], arguments[3], at)
        return context.get_dummy_value()

    return types.void(vector, memory, types.intp, array, *(types.intp,) * 3), code
