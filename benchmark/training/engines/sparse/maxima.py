"""The largest of several vectors, lane by lane, and which it was: what max-pooling does."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from benchmark.training.engines.sparse.vectors import BYTES, LANES, Emitter, Vector, vector_type


class Maximum(types.Type):  # type: ignore[misc]
    """The largest numbers seen so far, lane by lane, and the number of the one that each was."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Maximum({dtype})")


@register_model(Maximum)
class _MaximumModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.LiteralStructType([vector_type(kind.dtype), BYTES]))


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
        # what is not a number is shown, as in torch
        larger = builder.or_(builder.fcmp_ordered(">", new, old), builder.fcmp_unordered("!=", new, new))
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
        data = context.make_array(signature.args[1])(context, builder, arguments[1]).data
        target = builder.bitcast(builder.gep(data, [arguments[2]]), BYTES.as_pointer())
        builder.store(builder.extract_value(arguments[0], 1), target, align=1)
        return builder.extract_value(arguments[0], 0)

    return Vector(maximum.dtype)(maximum, memory, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def where_chosen(typing: Any, vector: Any, memory: Any, index: Any, number: Any) -> Any:
    """A vector with zeros where ``memory`` (uint8) is not ``number``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[1])(context, builder, arguments[1]).data
        source = builder.bitcast(builder.gep(data, [arguments[2]]), BYTES.as_pointer())
        which = builder.load(source, align=1)
        byte = builder.trunc(arguments[3], ir.IntType(8))
        one = builder.insert_element(ir.Constant(BYTES, ir.Undefined), byte, ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        equal = builder.icmp_unsigned("==", which, builder.shuffle_vector(one, one, zeros))
        return builder.select(equal, arguments[0], ir.Constant(arguments[0].type, [0.0] * LANES))

    return vector(vector, memory, types.intp, types.intp), code
