"""Batches as compiled code reads them: the examples innermost."""

from typing import Any

from benchmark.training.engines.sparse.products import compiled
from benchmark.training.engines.sparse.squares import turn_square
from benchmark.training.engines.sparse.table import Buffer
from benchmark.training.engines.sparse.vectors import LANES


@compiled
def lay_out(batch: Any, buffer: Any, channels: int, height: int, width: int, into: Any) -> None:
    """``batch`` [examples, channels · height · width] into ``into``, which is a buffer of that description.

    What lies between features, and lanes of groups without an example, stay as they are; other lanes without one are
    set to zero.
    """
    examples, features = batch.shape
    flat, unit = batch.ravel(), buffer[Buffer.UNIT]
    image = buffer[Buffer.HEIGHT] * buffer[Buffer.WIDTH]
    if image == 1:  # features are side by side, as the columns of one row are
        channels, width = 1, channels
    for g in range((examples + LANES - 1) // LANES):
        first = g * LANES
        lanes = min(LANES, examples - first)
        start = buffer[Buffer.START] + g * buffer[Buffer.GROUP] + buffer[Buffer.FIRST] * unit
        for channel in range(channels):
            for row in range(height):
                feature = first * features + (channel * height + row) * width
                at = start + (channel * image + row * buffer[Buffer.ROW]) * unit
                for column in range(0, width, LANES):
                    if width < LANES:
                        _one_by_one(flat, feature, features, lanes, width, into, at, unit)
                    else:  # the last square overlaps the one before
                        left = min(column, width - LANES)
                        turn_square(flat, feature + left, features, lanes, into, at + left * unit, unit)


# long because compiled code is given its arrays one by one
@compiled
def _one_by_one(batch: Any, first: int, features: int, lanes: int, width: int, into: Any, at: int, unit: int) -> None:
    """A row that is narrower than a square."""
    for column in range(width):
        for lane in range(lanes):
            into[at + column * unit + lane] = batch[first + lane * features + column]
