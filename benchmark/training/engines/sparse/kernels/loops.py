"""Inner loops whose sums stay in the processor's registers.

Compiled from Python such a loop also computes wrapped indices, and a tile of eight vectors of sixteen lanes needs more
registers than processors without AVX-512 have, so that most of its instructions would move registers about. Here the
loop is spelled out for LLVM, and runs once for each part of a tile that fits into registers.
"""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from benchmark.training.engines.sparse.kernels.tiles import VECTORS, Tile, Tiles
from benchmark.training.engines.sparse.kernels.vectors import LANES, TOTALS, Emitter, register_bytes

SUMS = 8
"""Registers of sums that a loop has: as many as additions are under way at once, and half of what AVX2 has."""
WHOLE = ir.IntType(64)
Values = Sequence[Any]


def parts(count: int, number_bytes: int) -> list[range]:
    """The vectors of a tile of ``count`` that a loop adds to at once, for numbers of so many bytes on this machine."""
    size = max(1, SUMS * register_bytes() // (LANES * number_bytes))
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def repeated(
    builder: Any, begin: Any, end: Any, first: Values, body: Callable[[Any, Values], Values], *, short: bool = False
) -> list[Any]:
    """What ``body(number, values)`` makes of ``first``, in turn for every number from ``begin`` to before ``end``.

    A ``short`` loop is not unrolled: that takes longer where there are a few numbers.
    """
    before, inside, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
    builder.cbranch(builder.icmp_signed("<", begin, end), inside, after)
    builder.position_at_end(inside)
    number, values = builder.phi(begin.type), [builder.phi(value.type) for value in first]
    made = body(number, values)
    following, last = builder.add(number, begin.type(1)), builder.block
    if short:
        following = _opaque(builder, following)
    for phi, start, update in zip([number, *values], [begin, *first], [following, *made], strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(update, last)
    builder.cbranch(builder.icmp_signed("<", following, end), inside, after)
    builder.position_at_end(after)
    found = [builder.phi(value.type) for value in first]
    for phi, start, update in zip(found, first, made, strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(update, last)
    return found


def _opaque(builder: Any, number: Any) -> Any:
    """The same number, of which the compiler knows nothing: else it keeps an address for each of many iterations."""
    return builder.asm(ir.FunctionType(WHOLE, [WHOLE]), "", "=r,0", [number], side_effect=False)


def _smaller(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.icmp_signed("<", one, other), one, other)


class Array:
    """An array of the compiled function, from an index on."""

    def __init__(self, emit: Emitter, kind: Any, array: Any, start: Any = None) -> None:
        self.emit, self.builder = emit, emit.builder
        data = emit.context.make_array(kind)(emit.context, emit.builder, array).data
        self.start = data if start is None else self.builder.gep(data, [start])

    def number(self, index: Any) -> Any:
        return self.builder.load(self.builder.gep(self.start, [index]))

    def whole(self, index: Any) -> Any:
        """A number of int32 as one of int64."""
        return self.builder.sext(self.number(index), WHOLE)

    def place(self, index: Any) -> Any:
        """Numbers from the first position of a buffer to the one that stands at ``index``."""
        return self.builder.mul(self.whole(index), WHOLE(self.emit.lanes))

    def vector(self, *indices: Any) -> Any:
        """The vector at the sum of some indices."""
        place = self.start
        for index in indices:
            place = self.builder.gep(place, [index])
        place = self.builder.bitcast(place, self.emit.vector.as_pointer())
        return self.builder.load(place, align=self.emit.align)


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def tile_add_products(
    typing: Any,
    tile: Any,
    weights: Any,
    index: Any,
    places: Any,
    begin: Any,
    end: Any,
    array: Any,
    at: Any,
    strides: Any,
) -> Any:
    """``tile`` plus each weight from ``begin`` to before ``end`` times ``array`` at the tile's places.

    They begin at ``at + places[n] · LANES``; weight n is ``weights[index[n]]``, or ``weights[n]`` where ``index`` is
    ``None``.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        tiles = Tiles(context, builder, kinds[0].dtype)
        numbers, where = (Array(tiles, kinds[n], arguments[n]) for n in (1, 3))
        order = None if isinstance(index, types.NoneType) else Array(tiles, kinds[2], arguments[2])
        source = Array(tiles, kinds[6], arguments[6], arguments[7])
        apart, first = tiles.places(WHOLE(0), arguments[8]), tiles.vectors(arguments[0])

        def summed(part: range) -> list[Any]:
            def add(number: Any, sums: Values) -> list[Any]:
                weight = tiles.splat(numbers.number(number if order is None else order.whole(number)))
                place = where.place(number)
                return [tiles.fma(source.vector(apart[n], place), weight, s) for n, s in zip(part, sums, strict=True)]

            return repeated(builder, arguments[4], arguments[5], [first[n] for n in part], add)

        return tiles.tile([vector for part in parts(len(first), tiles.align) for vector in summed(part)])

    return tile(tile, weights, index, places, types.intp, types.intp, array, types.intp, strides), code


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def add_totals(
    typing: Any, tile: Any, array: Any, at: Any, strides: Any, places: Any, first: Any, last: Any, into: Any, index: Any
) -> Any:
    """Add to four numbers of ``into``, from ``index`` on, the sums of ``tile`` times ``array`` at four places.

    These are ``at + places[n] · LANES``, n from ``first`` on; behind ``last`` it is taken again.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tiles, totals, there = _totals(context, builder, signature, arguments)
        before = builder.load(there, align=tiles.align)
        builder.store(builder.fadd(before, totals), there, align=tiles.align)
        return context.get_dummy_value()

    kinds = (tile, array, types.intp, strides, places, types.intp, types.intp, into, types.intp)
    return types.void(*kinds), code


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def write_totals(
    typing: Any, tile: Any, array: Any, at: Any, strides: Any, places: Any, first: Any, last: Any, into: Any, index: Any
) -> Any:
    """What :func:`add_totals` would add, in the place of what was there."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        tiles, totals, there = _totals(context, builder, signature, arguments)
        builder.store(totals, there, align=tiles.align)
        return context.get_dummy_value()

    kinds = (tile, array, types.intp, strides, places, types.intp, types.intp, into, types.intp)
    return types.void(*kinds), code


def _totals(context: Any, builder: Any, signature: Any, arguments: Any) -> tuple[Tiles, Any, Any]:
    """The sums of both, and where they belong."""
    kinds = signature.args
    tiles = Tiles(context, builder, kinds[0].dtype)
    source, where = Array(tiles, kinds[1], arguments[1], arguments[2]), Array(tiles, kinds[4], arguments[4])
    apart, factors = tiles.places(WHOLE(0), arguments[3]), tiles.vectors(arguments[0])

    def product(number: int) -> Any:
        place = where.place(_smaller(builder, builder.add(arguments[5], WHOLE(number)), arguments[6]))
        found = builder.fmul(source.vector(apart[0], place), factors[0])
        for stride, factor in zip(apart[1:], factors[1:], strict=True):
            found = tiles.fma(source.vector(stride, place), factor, found)
        return found

    there = tiles.totals_pointer(kinds[7], arguments[7], arguments[8])
    return tiles, tiles.totals([product(number) for number in range(TOTALS)]), there


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def tile_of_pixels(
    typing: Any,
    d: Any,
    d_at: Any,
    d_row: Any,
    d_pixel: Any,
    x: Any,
    x_at: Any,
    x_row: Any,
    x_pixel: Any,
    places: Any,
    first: Any,
    last: Any,
    height: Any,
    width: Any,
) -> Any:
    """The sums over pixels [height, width] of ``d`` times eight shifted ``x``, as the vectors of a tile.

    The shifts are ``places[first] · LANES`` and those of the next seven weights; behind ``last`` it is taken again.
    ``row`` and ``pixel`` are the numbers from a pixel to the one below, and to the next.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        tiles = Tiles(context, builder, kinds[0].dtype)
        gradient, source = (Array(tiles, kinds[n], arguments[n], arguments[n + 1]) for n in (0, 4))
        where, (first, last, height, width) = Array(tiles, kinds[8], arguments[8]), arguments[9:]
        shifts = [where.place(_smaller(builder, builder.add(first, WHOLE(n)), last)) for n in range(VECTORS)]

        def summed(part: range) -> list[Any]:
            def add_row(row: Any, sums: Values) -> list[Any]:
                d_first, x_first = builder.mul(row, arguments[2]), builder.mul(row, arguments[6])
                starts = [builder.add(x_first, shifts[n]) for n in part]

                def add_pixel(_column: Any, found: Values) -> list[Any]:
                    d_place, x_place, *sums = found
                    value = gradient.vector(d_first, d_place)
                    sums = [
                        tiles.fma(source.vector(start, x_place), value, s)
                        for start, s in zip(starts, sums, strict=True)
                    ]
                    following = builder.add(d_place, arguments[3]), builder.add(x_place, arguments[7])
                    return [*(_opaque(builder, place) for place in following), *sums]

                return repeated(builder, WHOLE(0), width, [WHOLE(0), WHOLE(0), *sums], add_pixel)[2:]

            some = builder.icmp_signed("<=", builder.add(first, WHOLE(part[0])), last)
            rows = builder.select(some, height, WHOLE(0))
            return repeated(builder, WHOLE(0), rows, [tiles.zeros for _ in part], add_row)

        return tiles.tile([vector for part in parts(VECTORS, tiles.align) for vector in summed(part)])

    sizes = (types.intp,) * 3
    return Tile(d.dtype, VECTORS)(d, *sizes, x, *sizes, places, *(types.intp,) * 4), code
