"""Squares of sixteen rows and columns, whose rows become columns in registers."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from benchmark.training.engines.sparse.vectors import LANES, Emitter


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def turn_square(typing: Any, source: Any, index: Any, features: Any, lanes: Any, into: Any, at: Any, unit: Any) -> Any:
    """Sixteen features of ``lanes`` examples: rows of ``source``, ``features`` apart, become columns, ``unit`` apart.

    The missing ones of sixteen examples become zero.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, target = signature.args[0], signature.args[4]
        emit = Emitter(context, builder, kind.dtype)
        start, apart, lanes = arguments[1:4]
        zero = ir.Constant(emit.vector, [0.0] * LANES)
        rows = []
        for lane in range(LANES):
            there = builder.icmp_signed("<", lanes.type(lane), lanes)
            place = builder.add(start, builder.mul(builder.select(there, lanes.type(lane), lanes.type(0)), apart))
            rows.append(builder.select(there, emit.load(kind, arguments[0], place), zero))
        for far in (1, 2, 4, 8):
            rows = [_exchanged(builder, rows, number, far) for number in range(LANES)]
        for column, vector in enumerate(rows):
            place = builder.add(arguments[5], builder.mul(arguments[6], arguments[6].type(column)))
            emit.store(vector, target, arguments[4], place)
        return context.get_dummy_value()

    sizes = (types.intp,) * 3
    return types.void(source, *sizes, into, types.intp, types.intp), code


def _exchanged(builder: Any, rows: list[Any], number: int, far: int) -> Any:
    """Row ``number`` of a square after blocks of ``far`` rows and columns beside the diagonal have changed places."""
    low = number & ~far
    chosen = [
        (column if column & far == 0 else column - far + LANES)
        if number == low
        else (column + far if column & far == 0 else column + LANES)
        for column in range(LANES)
    ]
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), chosen)
    return builder.shuffle_vector(rows[low], rows[low | far], mask)
