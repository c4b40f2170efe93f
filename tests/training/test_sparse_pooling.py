"""Max-pooling of the sparse engine chooses as torch does."""

import numpy as np
import pytest
import torch

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.maxima import (
    largest,
    largest_of_four,
    maximum_of,
    maximum_with,
    store_where_chosen,
    where_chosen,
)
from benchmark.training.engines.sparse.kernels.vectors import LANES, load, store


@compiled
def at_once(x, gradient, values, chosen, spread):
    store(largest_of_four(x, 0, LANES, 2 * LANES, chosen, 0), values, 0)
    store_where_chosen(load(gradient, 0), chosen, 0, spread, 0, LANES, 2 * LANES)


@compiled
def one_by_one(x, gradient, values, chosen, spread):
    best = maximum_of(x, 0)
    for number in range(1, 4):
        best = maximum_with(best, x, number * LANES, number)
    store(largest(best, chosen, 0), values, 0)
    for number in range(4):
        store(where_chosen(load(gradient, 0), chosen, 0, number), spread, number * LANES)


@pytest.mark.parametrize("pooled", [at_once, one_by_one])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_first_of_equals_is_the_maximum_and_what_is_no_number_is_larger(pooled, dtype):
    draws = np.random.default_rng(0)
    for _ in range(50):
        windows = draws.choice([-1.0, 0.0, 0.0, 2.0, np.nan], (LANES, 1, 2, 2)).astype(dtype)
        gradient, values = draws.normal(size=LANES).astype(dtype), np.zeros(LANES, dtype)
        chosen, spread = np.zeros(LANES, np.uint8), np.zeros(4 * LANES, dtype)
        pooled(windows.reshape(LANES, 4).T.ravel(), gradient, values, chosen, spread)
        wanted, places = torch.nn.functional.max_pool2d(torch.from_numpy(windows), 2, return_indices=True)
        assert np.array_equal(values, wanted.numpy().ravel(), equal_nan=True)
        assert np.array_equal(chosen, places.numpy().ravel())
        assert np.array_equal(spread.reshape(4, LANES), np.where(np.arange(4)[:, None] == chosen, gradient, 0))
