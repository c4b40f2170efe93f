"""A linear layer of which every weight is active gives the bits that the products of active weights give."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from benchmark.training.engines.sparse.kernels import full, linear
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.table import BUFFER_COLUMNS, Buffer

MANY = 10**6
"""So many features has no layer here: one that is said to have them is not full."""


@njit
def products(features, all_rows, here, there, groups, numbers, weights, places, rows, index, looks, columns, bias):
    """Outputs, and both gradients, of a linear layer by the functions of a training."""
    x, d = numbers
    y, dx, gradients = np.zeros_like(d), np.zeros_like(x), np.zeros_like(weights)
    linear.forward(1, features, here, there, groups, x, y, weights, places, rows, bias)
    linear.transposed(there, here, here, groups, d, dx, x, weights, all_rows, index, looks, columns)
    linear.weight_gradient(features, here, there, groups, x, d, places, rows, False, gradients)
    return y, dx, gradients


@settings(max_examples=30, deadline=None)
@given(st.integers(4, 150), st.integers(4, 21), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_full_layers_give_the_same_bits_as_layers_of_active_weights(features, outputs, groups, seed):
    draw = np.random.default_rng(seed)
    here, there = (np.zeros(BUFFER_COLUMNS, np.int64) for _ in range(2))
    here[[Buffer.GROUP, Buffer.RELU]], there[Buffer.GROUP] = (features * LANES, 1), outputs * LANES
    x, d, weights, bias = (
        draw.standard_normal(size).astype(np.float32)
        for size in (features * groups * LANES, outputs * groups * LANES, features * outputs, outputs)
    )
    output, feature = np.divmod(np.arange(features * outputs, dtype=np.int32), features)
    order = np.lexsort((output, feature)).astype(np.int32)
    rows, columns = np.arange(outputs + 1) * features, np.arange(features + 1) * outputs
    layer = weights, feature, rows, order, output[order], columns, bias
    assert full.is_full(rows, features)
    as_full = products(features, rows, here, there, (0, groups), (x, d), *layer)
    as_active = products(MANY, np.zeros_like(rows), here, there, (0, groups), (x, d), *layer)
    for one, other in zip(as_full, as_active, strict=True):
        assert np.array_equal(one, other)
        assert one.any()
