"""Rows of an image as values of polynomials at some points, where a product takes fewer multiplications.

Four outputs of a row that five weights see have twenty products. They are the coefficients of a product of polynomials
(transposed), so eight products of values at eight points give them (Toom and Cook; for convolutions Winograd,
*Arithmetic Complexity of Computations*, 1980, and Lavin and Gray, arXiv:1509.09308). The points are 0, ±1, ±2, ±½ and
infinity; those that come in pairs share most of their sums. Numbers are what one register holds, as in `image_rows`.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from benchmark.training.engines.sparse.kernels.image_rows import lanes_at_once
from benchmark.training.engines.sparse.kernels.loops import WHOLE, Array, repeated
from benchmark.training.engines.sparse.kernels.vectors import Emitter

KERNEL = 5
"""Weights of a row, and rows of a kernel."""
OUTPUTS = 4
"""Outputs of a row that are computed at once: a block."""
POINTS = OUTPUTS + KERNEL - 1
"""Points, and inputs that a block sees."""
BLOCKS = 6
"""Blocks whose products at a point stay in registers."""
SEVERAL = 2
"""Outputs of a layer that are handled together at a point."""

_PAIRS = (Fraction(1), Fraction(2), Fraction(1, 2))
_FINITE = [Fraction(0), *(sign * value for value in _PAIRS for sign in (1, -1))]
_SCALES = [prod((a - b for b in _FINITE if b != a), start=Fraction(1)) for a in _FINITE]
ONE = _FINITE.index(Fraction(1))
"""The point at which a number is added to all outputs of a block."""
WEIGHTS = np.array(
    [[a**k / scale for k in range(KERNEL)] for a, scale in zip(_FINITE, _SCALES, strict=True)]
    + [[0] * (KERNEL - 1) + [1]],
    dtype=float,
)
"""Values at the points by the weights of a row, [points, weights], with the scales that belong to the points."""


def _roots(*squares: Fraction) -> list[Fraction]:
    """Coefficients of the product of ``y - square``, that of ``y⁰`` first."""
    found = [Fraction(1)]
    for square in squares:
        shifted, scaled = [Fraction(0), *found], [*(square * each for each in found), Fraction(0)]
        found = [a - b for a, b in zip(shifted, scaled, strict=True)]
    return found


class Points(Emitter):
    """Operations on rows and on values at points."""

    def __init__(self, context: Any, builder: Any, dtype: Any) -> None:
        super().__init__(context, builder, dtype, lanes_at_once(dtype))

    def number(self, value: Fraction) -> Any:
        return ir.Constant(self.vector, [float(value)] * self.lanes)

    def sum_of(self, terms: Sequence[tuple[Fraction, Any]]) -> Any:
        """The sum of vectors with these factors; those with a factor of one come first."""
        first, *others = sorted(terms, key=lambda term: term[0] != 1)
        found = first[1] if first[0] == 1 else self.builder.fmul(first[1], self.number(first[0]))
        for factor, vector in others:
            found = self.builder.fadd(found, vector) if factor == 1 else self.fma(vector, self.number(factor), found)
        return found

    def both(self, even: Any, odd: Any) -> list[Any]:
        """Values at a point and at its negative, of the even and the odd part of a polynomial."""
        return [self.builder.fadd(even, odd), self.builder.fsub(even, odd)]

    def of_inputs(self, inputs: Sequence[Any]) -> list[Any]:
        """What outputs see of a block's inputs, at each point."""
        squares = [value**2 for value in _PAIRS]
        whole = _roots(*squares)
        found = [self.sum_of([(c, inputs[2 * k]) for k, c in enumerate(whole)])]
        for value in _PAIRS:
            others = _roots(*(square for square in squares if square != value**2))
            even = self.sum_of([(c, inputs[2 * k + 2]) for k, c in enumerate(others)])
            odd = self.sum_of([(value * c, inputs[2 * k + 1]) for k, c in enumerate(others)])
            found += self.both(even, odd)
        return [*found, self.sum_of([(c, inputs[2 * k + 1]) for k, c in enumerate(whole)])]

    def to_inputs(self, values: Sequence[Any]) -> list[Any]:
        """The gradients of a block's inputs, of those at each point: :meth:`of_inputs` transposed."""
        squares = [value**2 for value in _PAIRS]
        terms: list[list[tuple[Fraction, Any]]] = [[] for _ in range(POINTS)]
        for k, c in enumerate(_roots(*squares)):
            terms[2 * k].append((c, values[0]))
            terms[2 * k + 1].append((c, values[-1]))
        for n, value in enumerate(_PAIRS):
            pair = values[2 * n + 1], values[2 * n + 2]
            even, odd = self.builder.fadd(*pair), self.builder.fsub(*pair)
            for k, c in enumerate(_roots(*(square for square in squares if square != value**2))):
                terms[2 * k + 2].append((c, even))
                terms[2 * k + 1].append((value * c, odd))
        return [self.sum_of(each) for each in terms]

    def of_gradients(self, gradients: Sequence[Any]) -> list[Any]:
        """The gradients of a block's outputs at each point."""
        found = [gradients[0]]
        for value in _PAIRS:
            parts = [self.sum_of([(value**k, gradients[k]) for k in range(first, OUTPUTS, 2)]) for first in (0, 1)]
            found += self.both(*parts)
        return [*found, gradients[-1]]

    def outputs(self, values: Sequence[Any]) -> list[Any]:
        """The outputs of a block, of the products at each point."""
        pairs = [(values[2 * n + 1], values[2 * n + 2]) for n in range(len(_PAIRS))]
        sums, differences = ([make(*pair) for pair in pairs] for make in (self.builder.fadd, self.builder.fsub))
        found = []
        for k in range(OUTPUTS):
            parts = differences if k % 2 else sums
            terms = [(value**k, part) for value, part in zip(_PAIRS, parts, strict=True)]
            terms += [(Fraction(1), values[0])] * (k == 0) + [(Fraction(1), values[-1])] * (k == OUTPUTS - 1)
            found.append(self.sum_of(terms))
        return found

    def loaded(self, kind: Any, array: Any, first: Any, step: Any, count: int) -> list[Any]:
        """So many vectors that are ``step`` numbers apart."""
        return [self.load(kind, array, place) for place in self.apart(first, step, count)]

    def apart(self, first: Any, step: Any, count: int) -> list[Any]:
        """So many indices that are ``step`` apart."""
        return [self.builder.add(first, self.builder.mul(step, WHOLE(n))) for n in range(count)]

    def beside(self, first: Any, step: Any, count: int) -> list[Any]:
        """Indices of so many vectors side by side, of each of several outputs whose first ones are ``step`` apart."""
        return [
            place for start in self.apart(first, step, SEVERAL) for place in self.apart(start, WHOLE(self.lanes), count)
        ]

    def pair(self, numbers: Any) -> tuple[Any, Any]:
        """What a tuple of two holds in compiled code."""
        return self.builder.extract_value(numbers, 0), self.builder.extract_value(numbers, 1)


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def write_inputs(typing: Any, x: Any, at: Any, pixel: Any, space: Any, there: Any, apart: Any) -> Any:
    """Write what a block sees of its inputs, ``pixel`` numbers apart, at each point, ``apart`` numbers apart."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds, emit = signature.args, Points(context, builder, x.dtype)
        read, first, step, written, to, point = arguments
        made = emit.of_inputs(emit.loaded(kinds[0], read, first, step, POINTS))
        for value, place in zip(made, emit.apart(to, point, POINTS), strict=True):
            emit.store(value, kinds[3], written, place)
        return context.get_dummy_value()

    return types.void(x, types.intp, types.intp, space, types.intp, types.intp), code


@intrinsic  # type: ignore[untyped-decorator]
def write_gradients(typing: Any, d: Any, at: Any, pixel: Any, there: Any, apart: Any) -> Any:
    """Write the gradients of a block's outputs, ``pixel`` numbers apart, at each point, ``apart`` numbers apart."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, emit = signature.args[0], Points(context, builder, d.dtype)
        numbers, first, step, to, point = arguments
        made = emit.of_gradients(emit.loaded(kind, numbers, first, step, OUTPUTS))
        for value, place in zip(made, emit.apart(to, point, POINTS), strict=True):
            emit.store(value, kind, numbers, place)
        return context.get_dummy_value()

    return types.void(d, *(types.intp,) * 4), code


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def write_outputs(typing: Any, space: Any, at: Any, apart: Any, lowest: Any, there: Any, pixel: Any) -> Any:
    """Write a block's outputs, none less than ``lowest``, of the products at each point, ``apart`` numbers apart."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, emit = signature.args[0], Points(context, builder, space.dtype)
        numbers, first, point, least, to, step = arguments
        least = emit.splat(least)
        made = emit.outputs(emit.loaded(kind, numbers, first, point, POINTS))
        for value, place in zip(made, emit.apart(to, step, OUTPUTS), strict=True):
            # what is not a number stays, as in torch, so that a training that diverges shows it
            output = builder.select(builder.fcmp_ordered("<", value, least), least, value)
            emit.store(output, kind, numbers, place)
        return context.get_dummy_value()

    return types.void(space, types.intp, types.intp, space.dtype, types.intp, types.intp), code


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def write_products(typing: Any, space: Any, first: Any, weights: Any, seen: Any, channels: Any, there: Any) -> Any:
    """Write ``first`` plus the products, at one point, of :data:`BLOCKS` blocks of :data:`SEVERAL` outputs.

    ``weights`` is where an output's begin, [channels, rows of the kernel], and numbers from there to the next output's;
    ``seen`` where the inputs of the first block begin, and numbers to the next row and to the next channel; ``there``
    where an output's products are written, and numbers to the next output's. ``first`` has a number for each output.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, emit = signature.args[0], Points(context, builder, space.dtype)
        array, starts, (weights_at, output) = arguments[0], emit.pair(arguments[1]), emit.pair(arguments[2])
        numbers = [Array(emit, kind, array, at) for at in emit.apart(weights_at, output, SEVERAL)]
        (begin, row), image = emit.pair(arguments[3]), builder.extract_value(arguments[3], 2)
        inputs = Array(emit, kind, array, begin)

        def add(channel: Any, sums: Sequence[Any]) -> list[Any]:
            place, found = builder.mul(channel, image), list(sums)
            for line in range(KERNEL):
                number = builder.add(builder.mul(channel, WHOLE(KERNEL)), WHOLE(line))
                factors = [emit.splat(each.number(number)) for each in numbers]
                for n in range(BLOCKS):
                    vector = inputs.vector(place, builder.mul(row, WHOLE(line)), WHOLE(n * emit.lanes))
                    for k, factor in enumerate(factors):
                        found[k * BLOCKS + n] = emit.fma(vector, factor, found[k * BLOCKS + n])
            return found

        zero = [emit.splat(start) for start in starts for _ in range(BLOCKS)]
        made = repeated(builder, WHOLE(0), arguments[4], zero, add)
        to, further = emit.pair(arguments[5])
        for value, place in zip(made, emit.beside(to, further, BLOCKS), strict=True):
            emit.store(value, kind, array, place)
        return context.get_dummy_value()

    return types.void(space, first, weights, seen, types.intp, there), code


@intrinsic  # type: ignore[untyped-decorator]
def add_products(typing: Any, space: Any, d: Any, seen: Any, blocks: Any, there: Any) -> Any:
    """Add to some sums the products, at one point, of the gradients of so many blocks with what these see.

    ``d`` is where the gradients of the first of :data:`SEVERAL` outputs begin, and numbers to those of the next;
    ``seen`` where the inputs begin that the first row of the kernel sees, and numbers to those of the next one;
    ``there`` where an output's sums are, a vector for each row of the kernel, and numbers to the next output's.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, emit, array = signature.args[0], Points(context, builder, space.dtype), arguments[0]
        (first, output), (begin, row), (to, further) = (emit.pair(arguments[n]) for n in (1, 2, 4))
        gradients = [Array(emit, kind, array, at) for at in emit.apart(first, output, SEVERAL)]
        inputs = [Array(emit, kind, array, at) for at in emit.apart(begin, row, KERNEL)]

        def add(block: Any, sums: Sequence[Any]) -> list[Any]:
            place, found = builder.mul(block, WHOLE(emit.lanes)), list(sums)
            factors = [each.vector(place) for each in gradients]
            for line, source in enumerate(inputs):
                value = source.vector(place)
                for n, factor in enumerate(factors):
                    found[n * KERNEL + line] = emit.fma(value, factor, found[n * KERNEL + line])
            return found

        made = repeated(builder, WHOLE(0), arguments[3], [emit.zeros] * (SEVERAL * KERNEL), add)
        for value, place in zip(made, emit.beside(to, further, KERNEL), strict=True):
            emit.store(builder.fadd(emit.load(kind, array, place), value), kind, array, place)
        return context.get_dummy_value()

    return types.void(space, d, seen, types.intp, there), code
