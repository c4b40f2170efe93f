"""Batches as compiled code reads them: the examples innermost."""

from typing import Any

from benchmark.training.engines.sparse.products import compiled
from benchmark.training.engines.sparse.table import Buffer
from benchmark.training.engines.sparse.vectors import LANES


@compiled
def lay_out(batch: Any, buffer: Any, channels: int, height: int, width: int, into: Any) -> None:
    """``batch`` [examples, channels · height · width] into ``into``, which is a buffer of that description.

    Lanes without an example stay as they are.
    """
    unit = buffer[Buffer.UNIT]
    for g in range((batch.shape[0] + LANES - 1) // LANES):
        first = g * LANES
        lanes = min(LANES, batch.shape[0] - first)
        start = buffer[Buffer.START] + g * buffer[Buffer.GROUP] + buffer[Buffer.FIRST] * unit
        feature = 0
        for channel in range(channels):
            for row in range(height):
                at = start + (channel * buffer[Buffer.HEIGHT] * buffer[Buffer.WIDTH] + row * buffer[Buffer.ROW]) * unit
                for column in range(width):
                    for lane in range(lanes):
                        into[at + column * unit + lane] = batch[first + lane, feature]
                    feature += 1
