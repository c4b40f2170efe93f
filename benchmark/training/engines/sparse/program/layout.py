"""Batches as compiled code reads them: the examples innermost."""

from typing import Any

from numba import carray, types
from numba.extending import intrinsic

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.squares import turn_square
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.program.arguments import Unlaid
from benchmark.training.engines.sparse.program.counters import count_up
from benchmark.training.engines.sparse.table import Buffer


@intrinsic  # type: ignore[untyped-decorator]
def pointer(typing: Any, address: Any, like: Any) -> Any:
    """Where numbers of an array's type are."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(like.dtype)(types.int64, like), code


@compiled
def lay_out_chosen(unlaid: Unlaid, step: int, batch: int, buffer: Any, into: Any) -> None:
    """A batch of a step into ``into``, as :func:`lay_out` does; then it counts as laid out."""
    channels, height, width = unlaid.image
    address, examples = unlaid.sources[step]
    source = carray(pointer(address, into), (examples * channels * height * width,))
    lay_out(source, unlaid.rows[step, batch], buffer, unlaid.image, into)
    count_up(unlaid.laid_out, step * unlaid.rows.shape[1] + batch)


@compiled
def lay_out(source: Any, rows: Any, buffer: Any, image: tuple[int, int, int], into: Any) -> None:
    """The ``rows`` of ``source`` [N · features] into ``into``, which is a buffer of that description.

    ``image`` is channels, height and width of an example; behind the last one ``rows`` are -1. What lies between
    features, and lanes of groups without an example, stay as they are; other lanes without one are set to zero.
    """
    channels, height, width = image
    features = channels * height * width
    size = buffer[Buffer.HEIGHT] * buffer[Buffer.WIDTH]
    if size == 1:  # features are side by side, as the columns of one row are
        channels, width = 1, channels
    examples = 0
    while examples < rows.size and rows[examples] >= 0:
        examples += 1
    for g in range((examples + LANES - 1) // LANES):
        chosen = rows[g * LANES : min((g + 1) * LANES, examples)]
        start = buffer[Buffer.START] + g * buffer[Buffer.GROUP] + buffer[Buffer.FIRST] * LANES
        for channel in range(channels):
            for row in range(height):
                feature = (channel * height + row) * width
                at = start + (channel * size + row * buffer[Buffer.ROW]) * LANES
                for column in range(0, width, LANES):
                    if width < LANES:
                        _one_by_one(source, chosen, feature, features, width, into, at)
                    else:  # the last square overlaps the one before
                        left = min(column, width - LANES)
                        turn_square(source, chosen, feature + left, features, chosen.size, into, at + left * LANES)


# long because compiled code is given its arrays one by one
@compiled
def _one_by_one(source: Any, chosen: Any, first: int, features: int, width: int, into: Any, at: int) -> None:
    """A row that is narrower than a square."""
    for column in range(width):
        for lane in range(chosen.size):
            into[at + column * LANES + lane] = source[chosen[lane] * features + first + column]
