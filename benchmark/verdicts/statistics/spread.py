"""The spread between the true values of several things, without the noise of measuring each of them."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmark.verdicts.statistics.arrays import Array
from benchmark.verdicts.statistics.paired import Mean

Indices: TypeAlias = NDArray[np.intp]


def true_variance(values: Array) -> float:
    """Variance between the true means of ``values`` [settings, things, seeds], averaged over settings.

    Every product pairs two seeds, whose noise is independent, so that noise adds nothing on average, however much more
    of it one thing has than another; by chance the result may be negative. There must be at least two
    things and two seeds.
    """
    _, things, seeds = values.shape
    centred = values - values.mean(axis=1, keepdims=True)
    products = centred.sum(axis=2) ** 2 - (centred**2).sum(axis=2)
    return float(products.sum(axis=1).mean() / (seeds * (seeds - 1) * (things - 1)))


def jackknife(statistic: Callable[[Indices], float], seeds: int) -> Mean:
    """A statistic with its standard error from leaving out one seed at a time (Arvesen, 1969, for ones like these).

    ``statistic`` is given the indices of the seeds to use; there must be at least two.
    """
    everything = np.arange(seeds)
    full = statistic(everything)
    without = np.array([statistic(np.delete(everything, seed)) for seed in everything])
    error = np.sqrt((seeds - 1) / seeds * np.sum((without - without.mean()) ** 2))
    return Mean(full, float(error), seeds - 1)
