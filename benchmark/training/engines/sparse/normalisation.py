"""Batch-norm, forward and backward: the only operation whose examples depend on each other."""

from typing import Any

import numpy as np

from benchmark.training.engines.sparse.others import place
from benchmark.training.engines.sparse.products import compiled
from benchmark.training.engines.sparse.table import Buffer, Op, Real
from benchmark.training.engines.sparse.vectors import LANES


@compiled
def batch_norm(
    op: Any, reals: Any, here: Any, there: Any, examples: int, x: Any, y: Any, dense: Any, statistics: Any, saved: Any
) -> None:
    """Normalise each channel over the examples and pixels of a batch, and let its running statistics follow.

    ``dense`` is the scale and the shift of each channel, ``statistics`` the running mean and variance, ``saved`` the
    mean and the inverse deviation of this batch.
    """
    channels = op[Op.OUT_CHANNELS]
    count = examples * op[Op.HEIGHT] * op[Op.WIDTH]
    sums, momentum = np.zeros(LANES), reals[Real.MOMENTUM]
    for channel in range(channels):
        _deviations(op, here, examples, channel, x, 0.0, False, sums)
        mean = sums.sum() / count
        _deviations(op, here, examples, channel, x, mean, True, sums)
        squares = sums.sum()
        variance = statistics[channels + channel]
        statistics[channel] += momentum * (mean - statistics[channel])
        statistics[channels + channel] += momentum * (squares / max(count - 1, 1) - variance)
        saved[channel] = mean
        saved[channels + channel] = 1 / np.sqrt(squares / count + reals[Real.EPSILON])
    _normalise(op, here, there, examples, x, y, dense, saved)


@compiled
def batch_norm_running(
    op: Any, reals: Any, here: Any, there: Any, examples: int, x: Any, y: Any, dense: Any, statistics: Any, saved: Any
) -> None:
    """Normalise each channel by its running statistics, as in an evaluation."""
    channels = op[Op.OUT_CHANNELS]
    for channel in range(channels):
        saved[channel] = statistics[channel]
        saved[channels + channel] = 1 / np.sqrt(statistics[channels + channel] + reals[Real.EPSILON])
    _normalise(op, here, there, examples, x, y, dense, saved)


@compiled
def _deviations(
    op: Any, here: Any, examples: int, channel: int, x: Any, mean: float, squared: bool, sums: Any
) -> None:
    """Into ``sums`` [lanes]: the sum of ``x - mean`` of a channel over pixels and examples, or of its square."""
    sums[:] = 0
    for g in range((examples + LANES - 1) // LANES):
        lanes = min(LANES, examples - g * LANES)
        for row in range(op[Op.HEIGHT]):
            for column in range(op[Op.WIDTH]):
                at = place(here, g, channel, row, column)
                source = x[at : at + lanes]
                if squared:
                    for lane in range(lanes):
                        value = source[lane] - mean
                        sums[lane] += value * value
                else:
                    for lane in range(lanes):
                        sums[lane] += source[lane] - mean


@compiled
def _normalise(op: Any, here: Any, there: Any, examples: int, x: Any, y: Any, dense: Any, saved: Any) -> None:
    channels, relu = op[Op.OUT_CHANNELS], op[Op.RELU]
    kind = x.dtype.type
    for channel in range(channels):
        factor = dense[channel] * saved[channels + channel]
        scale, shift = kind(factor), kind(dense[channels + channel] - saved[channel] * factor)
        for g in range((examples + LANES - 1) // LANES):
            for row in range(op[Op.HEIGHT]):
                for column in range(op[Op.WIDTH]):
                    at, to = place(here, g, channel, row, column), place(there, g, channel, row, column)
                    source, target = x[at : at + LANES], y[to : to + LANES]
                    for lane in range(LANES):
                        value = source[lane] * scale + shift
                        target[lane] = 0 if relu and value <= 0 else value


@compiled
def batch_norm_back(
    op: Any, here: Any, there: Any, seen: Any, examples: int, d: Any, dx: Any, x: Any, dense: Any, saved: Any, out: Any
) -> None:
    """The gradients of the inputs, and into ``out`` those of the scale and the shift of each channel."""
    channels = op[Op.OUT_CHANNELS]
    count = examples * op[Op.HEIGHT] * op[Op.WIDTH]
    groups = (examples + LANES - 1) // LANES
    sums, products = np.zeros(LANES), np.zeros(LANES)
    kind = x.dtype.type
    for channel in range(channels):
        mean, inverse = saved[channel], saved[channels + channel]
        sums[:] = 0
        products[:] = 0
        for g in range(groups):
            for row in range(op[Op.HEIGHT]):
                for column in range(op[Op.WIDTH]):
                    at, to = place(seen, g, channel, row, column), place(here, g, channel, row, column)
                    source, gradient = x[at : at + LANES], d[to : to + LANES]
                    for lane in range(LANES):  # of lanes without an example the gradient is zero
                        sums[lane] += gradient[lane]
                        products[lane] += gradient[lane] * (source[lane] - mean) * inverse
        shift, scale = sums.sum(), products.sum()
        out[channel], out[channels + channel] = scale, shift
        if op[Op.INPUT_GRADIENT] < 0:
            continue
        # dx = factor · (d - shift / count - normalised x · scale / count), sorted by what multiplies x
        factor = dense[channel] * inverse
        by_x = kind(-factor * inverse * scale / count)
        rest = kind(factor * (mean * inverse * scale - shift) / count)
        by_d = kind(factor)
        for g in range(groups):
            lanes = min(LANES, examples - g * LANES)
            for row in range(op[Op.HEIGHT]):
                for column in range(op[Op.WIDTH]):
                    at, to = place(seen, g, channel, row, column), place(here, g, channel, row, column)
                    source, gradient = x[at : at + lanes], d[to : to + lanes]
                    to = place(there, g, channel, row, column)
                    target = dx[to : to + lanes]
                    for lane in range(lanes):
                        value = gradient[lane] * by_d + source[lane] * by_x + rest
                        target[lane] = 0 if seen[Buffer.RELU] and source[lane] <= 0 else value
