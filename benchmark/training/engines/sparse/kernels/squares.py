"""Squares of sixteen rows and columns, whose rows become columns in registers."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from benchmark.training.engines.sparse.kernels.vectors import LANES, Emitter


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def turn_square(
    typing: Any, source: Any, chosen: Any, first: Any, features: Any, lanes: Any, into: Any, at: Any
) -> Any:
    """Sixteen features, from ``first`` on, of ``lanes`` examples: rows of ``source`` become columns.

    ``source`` has ``features`` in a row, and ``chosen`` (int64 [lanes]) says which rows they are. The missing ones of
    sixteen examples become zero.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, target = signature.args[0], signature.args[5]
        emit = Emitter(context, builder, kind.dtype)
        first, features, lanes = arguments[2:5]
        chosen = context.make_array(signature.args[1])(context, builder, arguments[1]).data
        zero = ir.Constant(emit.vector, [0.0] * LANES)
        rows = []
        for lane in range(LANES):
            there = builder.icmp_signed("<", lanes.type(lane), lanes)
            row = builder.load(builder.gep(chosen, [builder.select(there, lanes.type(lane), lanes.type(0))]))
            place = builder.add(first, builder.mul(row, features))
            rows.append(builder.select(there, emit.load(kind, arguments[0], place), zero))
        for far in (1, 2, 4, 8):
            rows = [_exchanged(builder, rows, number, far) for number in range(LANES)]
        for column, vector in enumerate(rows):
            place = builder.add(arguments[6], arguments[6].type(column * LANES))
            emit.store(vector, target, arguments[5], place)
        return context.get_dummy_value()

    sizes = (types.intp,) * 3
    return types.void(source, chosen, *sizes, into, types.intp), code


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
