"""Counters that threads share: who takes which piece of work, and who has to wait for whom."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic  # type: ignore[untyped-decorator]
def take_number(typing: Any, counter: Any) -> Any:
    """The number in ``counter`` (int64 [1]), which goes up by one; no two threads get the same one."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.atomic_rmw("add", data, ir.Constant(data.type.pointee, 1), "monotonic")

    return types.int64(counter), code


@intrinsic  # type: ignore[untyped-decorator]
def count_up(typing: Any, counters: Any, number: Any) -> Any:
    """One more in a counter (int64 [counters]); whoever sees it also sees what was written before."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.gep(data, [arguments[1]])
        builder.atomic_rmw("add", place, ir.Constant(data.type.pointee, 1), "release")
        return context.get_dummy_value()

    return types.void(counters, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def counted(typing: Any, counters: Any, number: Any) -> Any:
    """What a counter of :func:`count_up` says."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load_atomic(builder.gep(data, [arguments[1]]), "acquire", 8)

    return types.int64(counters, types.intp), code
