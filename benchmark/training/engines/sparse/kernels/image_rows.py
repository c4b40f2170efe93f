"""Rows of an image, of which a register holds some lanes of every pixel while a loop adds to them.

An output pixel is added to as many input pixels as a row of the kernel has, so a row of eight outputs belongs to a row
of twelve inputs where kernels have five columns, and no product is made with what is beside an image.
"""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from benchmark.training.engines.sparse.kernels.loops import WHOLE, Array, repeated
from benchmark.training.engines.sparse.kernels.tiles import Tiles
from benchmark.training.engines.sparse.kernels.vectors import LANES, register_bytes, vector_type

OUTPUTS = 8
"""Pixels of a row of outputs that are handled at once."""
WIDEST = 5
"""Columns of the widest kernel."""
PIXELS = OUTPUTS + WIDEST - 1
"""Pixels of a row: with one register for each AVX2 has four left."""


def lanes_at_once(dtype: Any) -> int:
    """Numbers of a type that one register of this machine has, of one vector at most."""
    return min(LANES, register_bytes() * 8 // int(dtype.bitwidth))


class Row(types.Type):  # type: ignore[misc]
    """Some lanes of :data:`PIXELS` pixels."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Row({dtype})")


@register_model(Row)
class _RowModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        vector = vector_type(kind.dtype, lanes_at_once(kind.dtype))
        super().__init__(manager, kind, ir.ArrayType(vector, PIXELS))


class _Rows(Tiles):
    """Operations on rows: tiles whose vectors are registers."""

    def __init__(self, context: Any, builder: Any, dtype: Any) -> None:
        super().__init__(context, builder, dtype, lanes_at_once(dtype))

    def pixels(self, index: Any, step: Any) -> list[Any]:
        """The index of each pixel of a row whose pixels are so many numbers apart."""
        return [self.builder.add(index, self.builder.mul(step, step.type(number))) for number in range(PIXELS)]


@intrinsic  # type: ignore[untyped-decorator]
def lanes_of_row(typing: Any, array: Any) -> Any:
    """How many lanes a row of an array's numbers has."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return WHOLE(lanes_at_once(array.dtype))

    return types.intp(array), code


@intrinsic  # type: ignore[untyped-decorator]
def row_load(typing: Any, array: Any, index: Any, step: Any) -> Any:
    """The row whose pixels are ``step`` numbers apart."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Rows(context, builder, array.dtype)
        return emit.tile([emit.load(array, arguments[0], place) for place in emit.pixels(*arguments[1:])])

    return Row(array.dtype)(array, types.intp, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def row_store(typing: Any, row: Any, array: Any, index: Any, step: Any) -> Any:
    """Write a row whose pixels are ``step`` numbers apart."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Rows(context, builder, array.dtype)
        for place, vector in zip(emit.pixels(*arguments[2:]), emit.vectors(arguments[0]), strict=True):
            emit.store(vector, array, arguments[1], place)
        return context.get_dummy_value()

    return types.void(row, array, types.intp, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def row_where_positive(typing: Any, row: Any, array: Any, index: Any, step: Any) -> Any:
    """A row with zeros where that of ``array`` is not positive: the derivative of ReLU, given its outputs."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Rows(context, builder, array.dtype)
        seen = (emit.load(array, arguments[1], place) for place in emit.pixels(*arguments[2:]))
        return emit.tile(list(map(emit.keep_positive, emit.vectors(arguments[0]), seen)))

    return row(row, array, types.intp, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def pixel_copy(typing: Any, array: Any, index: Any, there: Any) -> Any:
    """Copy the lanes that a row holds from one pixel of ``array`` to another."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Rows(context, builder, array.dtype)
        emit.store(emit.load(array, *arguments[:2]), array, arguments[0], arguments[2])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def pixel_where_positive(typing: Any, array: Any, index: Any, mask: Any, there: Any) -> Any:
    """The same with zeros where the pixel at ``mask`` is not positive."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        emit = _Rows(context, builder, array.dtype)
        value, seen = (emit.load(array, arguments[0], arguments[n]) for n in (1, 2))
        emit.store(emit.keep_positive(value, seen), array, arguments[0], arguments[3])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, types.intp), code


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def row_add_products(
    typing: Any,
    row: Any,
    weights: Any,
    places: Any,
    columns: Any,
    first: Any,
    kernel: Any,
    seeing: Any,
    array: Any,
    at: Any,
) -> Any:
    """``row`` plus each weight times a row of eight outputs, from the pixel on that the weight's column says.

    Of a ``kernel`` of so many rows and columns the rows from ``seeing[0]`` to before ``seeing[1]`` count. Those of
    column k are number n from ``columns[first + k · rows + seeing[0]]`` to before
    ``columns[first + k · rows + seeing[1]]``: weight n is number ``weights + n`` of ``array``, and its outputs begin at
    ``at + places[n] · lanes``.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds, emit = signature.args, _Rows(context, builder, row.dtype)
        where, starts = (Array(emit, kinds[n], arguments[n]) for n in (2, 3))
        numbers, outputs = (Array(emit, kinds[7], arguments[7], start) for start in (arguments[1], arguments[8]))
        height, width = (builder.extract_value(arguments[5], n) for n in (0, 1))
        sums = emit.vectors(arguments[0])

        def add(number: Any, added: Sequence[Any]) -> list[Any]:
            weight, place = emit.splat(numbers.number(number)), where.place(number)
            steps = (WHOLE(pixel * emit.lanes) for pixel in range(OUTPUTS))
            return [emit.fma(outputs.vector(step, place), weight, s) for step, s in zip(steps, added, strict=True)]

        for column in range(WIDEST):
            exists = builder.icmp_signed("<", WHOLE(column), width)
            skipped = builder.select(exists, builder.mul(height, WHOLE(column)), WHOLE(0))
            begin, end = (
                starts.number(builder.add(builder.add(arguments[4], skipped), builder.extract_value(arguments[6], n)))
                for n in (0, 1)
            )
            span = slice(column, column + OUTPUTS)
            sums[span] = repeated(builder, begin, builder.select(exists, end, begin), sums[span], add, short=True)
        return emit.tile(sums)

    pair = types.UniTuple(types.intp, 2)
    return row(row, types.intp, places, columns, types.intp, pair, pair, array, types.intp), code
