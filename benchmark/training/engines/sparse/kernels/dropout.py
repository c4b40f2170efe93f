"""Dropout, forward and backward, with the arguments that `pooling` describes."""

from typing import Any

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.pixels import mask, place
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.table import Buffer, Op


# long because compiled code is given its arrays one by one
@compiled
def dropout(
    op: Any,
    scale: float,
    here: Any,
    there: Any,
    groups: Any,
    x: Any,
    y: Any,
    memory: Any,
    seed: int,
    drawn: int,
) -> None:
    """Drop numbers by the draws of SplitMix64 from number ``drawn`` of stream ``seed``; ``memory`` keeps which.

    Draws are counted by examples first, as `benchmark.models.dropout` does.
    """
    features = op[Op.OUT_CHANNELS] * op[Op.OUT_HEIGHT] * op[Op.OUT_WIDTH]
    divisor = x.dtype.type(scale)
    for g in range(groups[0], groups[1]):
        kept = op[Op.STATE] + g * features * LANES
        feature = 0
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    at, to = place(here, g, channel, row, column), place(there, g, channel, row, column)
                    source, target = x[at : at + LANES], y[to : to + LANES]
                    which = memory[kept : kept + LANES]
                    for lane in range(LANES):
                        number = drawn + (g * LANES + lane) * features + feature + 1
                        mixed = seed + number * -0x61C8864680B583EB
                        mixed = (mixed ^ (mixed >> 30 & 0x3FFFFFFFF)) * -0x40A7B892E31B1A47
                        mixed = (mixed ^ (mixed >> 27 & 0x1FFFFFFFFF)) * -0x6B2FB644ECCEEE15
                        mixed ^= mixed >> 31 & 0x1FFFFFFFF
                        keep = (mixed >> 40 & 0xFFFFFF) >= op[Op.THRESHOLD]
                        which[lane] = keep
                        value = source[lane] / divisor if keep else 0
                        target[lane] = 0 if op[Op.RELU] and value <= 0 else value
                    kept += LANES
                    feature += 1


@compiled
def no_dropout(op: Any, here: Any, there: Any, groups: Any, x: Any, y: Any) -> None:
    """Dropout in an evaluation, which changes nothing."""
    for g in range(groups[0], groups[1]):
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    at, to = place(here, g, channel, row, column), place(there, g, channel, row, column)
                    source, target = x[at : at + LANES], y[to : to + LANES]
                    for lane in range(LANES):
                        target[lane] = 0 if op[Op.RELU] and source[lane] <= 0 else source[lane]


# long because compiled code is given its arrays one by one
@compiled
def dropout_back(
    op: Any, scale: float, here: Any, there: Any, seen: Any, groups: Any, d: Any, dx: Any, x: Any, memory: Any
) -> None:
    """What was kept passes its gradient on."""
    features = op[Op.OUT_CHANNELS] * op[Op.OUT_HEIGHT] * op[Op.OUT_WIDTH]
    divisor = x.dtype.type(scale)
    for g in range(groups[0], groups[1]):
        kept = op[Op.STATE] + g * features * LANES
        for channel in range(op[Op.OUT_CHANNELS]):
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    at, to = place(here, g, channel, row, column), place(there, g, channel, row, column)
                    source, target = d[at : at + LANES], dx[to : to + LANES]
                    which = memory[kept : kept + LANES]
                    for lane in range(LANES):
                        target[lane] = source[lane] / divisor if which[lane] or op[Op.THRESHOLD] == 0 else 0
                    kept += LANES
    if seen[Buffer.RELU]:
        mask(op, seen, there, groups, x, dx)
