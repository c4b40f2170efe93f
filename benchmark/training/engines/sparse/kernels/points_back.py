"""What gradients at points give to the inputs of a convolution: the way back of what `points` does forward."""

from collections.abc import Sequence
from typing import Any

from numba import types
from numba.extending import intrinsic

from benchmark.training.engines.sparse.kernels.loops import WHOLE, Array, repeated
from benchmark.training.engines.sparse.kernels.points import KERNEL, OUTPUTS, POINTS, Points

BLOCKS = 2
"""Blocks of a row whose sums at a point stay in registers."""
CHANNELS = 5
"""Channels of the inputs that are handled together at a point: the sums of all blocks are ten then, which is more than
the additions that a processor has under way at once, and all stay in registers."""


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def write_sums(typing: Any, space: Any, weights: Any, seen: Any, apart: Any, counts: Any, there: Any) -> Any:
    """Write what gradients give to :data:`BLOCKS` blocks of a row of :data:`CHANNELS` channels, at one point.

    ``weights`` is where those of the first output begin, [channels, rows of the kernel], and numbers to the next
    output's; ``seen`` where the gradients begin that the first row of the kernel brings, and numbers from each row to
    the one above it, which the next row of the kernel brings; ``apart`` numbers to the gradients of the next output;
    ``counts`` how many outputs and rows of the kernel there are; ``there`` where the first channel's products are
    written, and numbers to the next channel's.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, emit, array = signature.args[0], Points(context, builder, space.dtype), arguments[0]
        (weights_at, further), (begin, above), (outputs, lines), (to, channel) = (
            emit.pair(arguments[n]) for n in (1, 2, 4, 5)
        )
        numbers = [Array(emit, kind, array, at) for at in emit.apart(weights_at, WHOLE(KERNEL), CHANNELS)]
        gradients = Array(emit, kind, array, begin)

        def of_output(output: Any, sums: Sequence[Any]) -> list[Any]:
            of_weights, of_gradients = builder.mul(output, further), builder.mul(output, arguments[3])

            def of_line(line: Any, found: Sequence[Any]) -> list[Any]:
                place = builder.sub(of_gradients, builder.mul(line, above))
                vectors = [gradients.vector(place, WHOLE(n * emit.lanes)) for n in range(BLOCKS)]
                factors = [emit.splat(each.number(builder.add(of_weights, line))) for each in numbers]
                pairs = [(vector, factor) for factor in factors for vector in vectors]
                return [emit.fma(*pair, added) for pair, added in zip(pairs, found, strict=True)]

            return repeated(builder, WHOLE(0), lines, sums, of_line, short=True)

        made = repeated(builder, WHOLE(0), outputs, [emit.zeros] * (CHANNELS * BLOCKS), of_output)
        places = [
            place
            for start in emit.apart(to, channel, CHANNELS)
            for place in emit.apart(start, WHOLE(emit.lanes), BLOCKS)
        ]
        for value, place in zip(made, places, strict=True):
            emit.store(value, kind, array, place)
        return context.get_dummy_value()

    return types.void(space, weights, seen, types.intp, counts, there), code


@intrinsic  # type: ignore[untyped-decorator]
def add_inputs(typing: Any, space: Any, at: Any, apart: Any, there: Any) -> Any:
    """Gradients of a block's inputs, side by side, of the sums at each point, ``apart`` numbers apart.

    Those of the first inputs, which the block before sees too, are added to what is there; the others are written.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, emit = signature.args[0], Points(context, builder, space.dtype)
        numbers, first, point, to = arguments
        made = emit.to_inputs(emit.loaded(kind, numbers, first, point, POINTS))
        places = emit.apart(to, WHOLE(emit.lanes), POINTS)
        for n, (value, place) in enumerate(zip(made, places, strict=True)):
            shared = n < POINTS - OUTPUTS
            emit.store(builder.fadd(emit.load(kind, numbers, place), value) if shared else value, kind, numbers, place)
        return context.get_dummy_value()

    return types.void(space, *(types.intp,) * 3), code
