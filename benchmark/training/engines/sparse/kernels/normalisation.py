"""Batch-norm, forward and backward: the only operation whose examples depend on each other."""

from typing import Any

import numpy as np

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.pixels import place
from benchmark.training.engines.sparse.kernels.vectors import (
    LANES,
    add_from,
    add_product,
    add_scaled,
    add_vectors,
    first_lanes,
    positive,
    store,
    total,
    vector_of,
    where_positive,
    zero,
)
from benchmark.training.engines.sparse.table import Buffer, Op, Real


# long because compiled code is given its arrays one by one
@compiled
def batch_norm(
    op: Any,
    reals: Any,
    here: Any,
    there: Any,
    groups: int,
    examples: int,
    x: Any,
    y: Any,
    dense: Any,
    statistics: Any,
    saved: Any,
) -> None:
    """Normalise each channel over the examples and pixels of a batch, and let its running statistics follow.

    ``dense`` is the scale and the shift of each channel, ``statistics`` the running mean and variance, ``saved`` the
    mean and the inverse deviation of this batch.
    """
    channels = op[Op.OUT_CHANNELS]
    count = examples * op[Op.HEIGHT] * op[Op.WIDTH]
    momentum = reals[Real.MOMENTUM]
    for channel in range(channels):
        mean = _deviations(op, here, examples, channel, x, 0.0, False) / count
        squares = _deviations(op, here, examples, channel, x, mean, True)
        variance = statistics[channels + channel]
        statistics[channel] += momentum * (mean - statistics[channel])
        statistics[channels + channel] += momentum * (squares / max(count - 1, 1) - variance)
        saved[channel] = mean
        saved[channels + channel] = 1 / np.sqrt(squares / count + reals[Real.EPSILON])
    _normalise(op, here, there, groups, x, y, dense, saved)


# long because compiled code is given its arrays one by one
@compiled
def batch_norm_running(
    op: Any,
    reals: Any,
    here: Any,
    there: Any,
    groups: int,
    x: Any,
    y: Any,
    dense: Any,
    statistics: Any,
    saved: Any,
) -> None:
    """Normalise each channel by its running statistics, as in an evaluation."""
    channels = op[Op.OUT_CHANNELS]
    for channel in range(channels):
        saved[channel] = statistics[channel]
        saved[channels + channel] = 1 / np.sqrt(statistics[channels + channel] + reals[Real.EPSILON])
    _normalise(op, here, there, groups, x, y, dense, saved)


# long because compiled code is given its arrays one by one
@compiled
def _deviations(op: Any, here: Any, examples: int, channel: int, x: Any, mean: float, squared: bool) -> float:
    """The sum of ``x - mean`` of a channel over pixels and examples, or of its square."""
    found = 0.0
    less = vector_of(x, x.dtype.type(-mean))
    for g in range((examples + LANES - 1) // LANES):
        sums = zero(x)
        for row in range(op[Op.HEIGHT]):
            at = place(here, g, channel, row, 0)
            for _ in range(op[Op.WIDTH]):
                if squared:
                    deviation = add_from(less, x, at)
                    sums = add_vectors(sums, deviation, deviation)
                else:
                    sums = add_from(sums, x, at)
                at += here[Buffer.PIXEL] * LANES
        found += total(first_lanes(sums, examples - g * LANES))
    return found


# long because compiled code is given its arrays one by one
@compiled
def _normalise(op: Any, here: Any, there: Any, groups: int, x: Any, y: Any, dense: Any, saved: Any) -> None:
    """All groups of lanes, those without an example too: the next operations read them."""
    channels = op[Op.OUT_CHANNELS]
    kind = x.dtype.type
    for channel in range(channels):
        factor = dense[channel] * saved[channels + channel]
        scale, shift = kind(factor), vector_of(x, kind(dense[channels + channel] - saved[channel] * factor))
        for g in range(groups):
            for row in range(op[Op.HEIGHT]):
                at, to = place(here, g, channel, row, 0), place(there, g, channel, row, 0)
                for _ in range(op[Op.WIDTH]):
                    values = add_scaled(shift, scale, x, at)
                    if op[Op.RELU]:
                        values = positive(values)
                    store(values, y, to)
                    at += here[Buffer.PIXEL] * LANES
                    to += there[Buffer.PIXEL] * LANES


# long because compiled code is given its arrays one by one
@compiled
def batch_norm_back(
    op: Any,
    here: Any,
    there: Any,
    seen: Any,
    groups: int,
    examples: int,
    d: Any,
    dx: Any,
    x: Any,
    dense: Any,
    saved: Any,
    out: Any,
) -> None:
    """The gradients of the inputs, and into ``out`` those of the scale and the shift of each channel.

    Inputs of all groups of lanes have one, which is zero in lanes without an example: products before read it.
    """
    channels = op[Op.OUT_CHANNELS]
    count = examples * op[Op.HEIGHT] * op[Op.WIDTH]
    kind = x.dtype.type
    for channel in range(channels):
        mean, inverse = saved[channel], saved[channels + channel]
        less = vector_of(x, kind(-mean))
        scale, shift = 0.0, 0.0
        for g in range((examples + LANES - 1) // LANES):
            sums, products = zero(x), zero(x)
            for row in range(op[Op.HEIGHT]):
                for column in range(op[Op.WIDTH]):
                    at, to = place(seen, g, channel, row, column), place(here, g, channel, row, column)
                    sums = add_from(sums, d, to)  # of lanes without an example the gradient is zero
                    products = add_product(products, add_from(less, x, at), d, to)
            shift += total(sums)
            scale += total(products) * inverse
        out[channel], out[channels + channel] = scale, shift
        if op[Op.INPUT_GRADIENT] < 0:
            continue
        # dx = factor · (d - shift / count - normalised x · scale / count), sorted by what multiplies x
        factor = dense[channel] * inverse
        by_x, by_d = kind(-factor * inverse * scale / count), kind(factor)
        rest = vector_of(x, kind(factor * (mean * inverse * scale - shift) / count))
        for g in range(groups):
            lanes = examples - g * LANES
            for row in range(op[Op.HEIGHT]):
                for column in range(op[Op.WIDTH]):
                    at, to = place(seen, g, channel, row, column), place(here, g, channel, row, column)
                    value = add_scaled(add_scaled(rest, by_x, x, at), by_d, d, to)
                    if seen[Buffer.RELU]:
                        value = where_positive(value, x, at)
                    store(first_lanes(value, lanes), dx, place(there, g, channel, row, column))
