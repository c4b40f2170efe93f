"""Cells that collapse with some seeds, to which no test of means applies.

Some trainings of a cell end near chance and others do not. Their spread is nothing that three values tell, and a t-test
of them fails honest reruns seven times in a hundred. Such a cell is found by a gap between its seeds, or by a run near
chance beside one that is not, and judged by a permutation test, which is exact for any distribution.
"""

from itertools import combinations, product
from math import comb

import numpy as np
from scipy import special

from benchmark.verdicts.statistics.arrays import Array, Mask

GAP = 5.0
"""Points between two neighbouring seeds of one side that no training without a collapse has ..."""
TIMES = 10.0
"""... and how many times the experiment's typical spread."""
NEAR_CHANCE = 1.0
"""Points from the accuracy of a constant answer within which a training counts as collapsed."""
MOST_SPLITS = 20_000
"""Splits beyond which they are drawn at random."""
PROBABILITIES = 1_001
"""Probabilities of a collapse that are tried for the likeliest."""


def collapsed(values: Array, chance: float) -> Mask:
    """Which values (percent) are those of a network that always gives the same answer."""
    return np.asarray(np.abs(values - chance) <= NEAR_CHANCE)


def unstable(first: Array, second: Array, chance: float) -> Mask:
    """Which cells [..., cells] of two sides [..., cells, seeds] collapse with some of their seeds but not with all."""
    gap = np.fmax(_widest_gap(first), _widest_gap(second))
    both = np.concatenate([first, second], axis=-1)
    low, there = collapsed(both, chance), np.isfinite(both)
    return np.asarray((gap > _least_gap(first, second)) | (low.any(axis=-1) & (~low & there).any(axis=-1)))


def turned(first: Array, second: Array, chance: float) -> Mask:
    """Which unstable cells [..., cells] collapse with no seed of the first side and with every seed of the second.

    A seed collapses near chance, or far below every seed of a first side that has no gap itself.
    """
    least = _least_gap(first, second)
    calm = (_widest_gap(first) <= least) & ~collapsed(first, chance).any(axis=-1)
    bottom = np.where(np.isfinite(first), first, np.inf).min(axis=-1)
    fell = collapsed(second, chance) | (calm[..., None] & (second < (bottom - least)[..., None]))
    there = np.isfinite(second)
    every = (fell | ~there).all(axis=-1) & there.any(axis=-1)
    never = ~collapsed(first, chance).any(axis=-1) & np.isfinite(first).any(axis=-1)
    return np.asarray(every & never & unstable(first, second, chance))


def _least_gap(first: Array, second: Array) -> Array:
    """The gap [..., 1] between two seeds of a cell that only a collapse makes wider."""
    typical = _lower_median(np.concatenate([_spreads(first), _spreads(second)], axis=-1))[..., None]
    return np.asarray(np.fmax(GAP, TIMES * typical))


def _lower_median(values: Array) -> Array:
    """Over the last axis, of what is not NaN the middle one, of two in the middle the lower; 0 where nothing is.

    It is the spread of some cell that half of the cells do not exceed. The mean of two in the middle would be drawn up
    where half of the cells collapse with some seeds, and would hide their gaps: of two cells one is typical.
    """
    ordered, count = np.sort(values, axis=-1), np.isfinite(values).sum(axis=-1)
    middle = np.take_along_axis(ordered, (np.maximum(count - 1, 0) // 2)[..., None], axis=-1)[..., 0]
    return np.asarray(np.where(count > 0, middle, 0.0))


def _spreads(values: Array) -> Array:
    counts = np.isfinite(values).sum(axis=-1)
    centred = values - np.nansum(values, axis=-1, keepdims=True) / np.maximum(counts, 1)[..., None]
    with np.errstate(invalid="ignore"):
        return np.asarray(
            np.where(counts > 1, np.sqrt(np.nansum(centred**2, axis=-1) / np.maximum(counts - 1, 1)), np.nan)
        )


def _widest_gap(values: Array) -> Array:
    if values.shape[-1] < 2:
        return np.zeros(values.shape[:-1])
    gaps = np.diff(np.sort(values, axis=-1), axis=-1)  # NaN comes last
    return np.asarray(np.where(np.isfinite(gaps), gaps, 0.0).max(axis=-1))


def permutation_p(first: Array, second: Array) -> float:
    """Two-sided p-value that two lists of values come from one distribution, by the difference of their means."""
    both = np.concatenate([first, second])
    n, total = len(second), len(both)
    observed = abs(second.mean() - first.mean())
    if comb(total, n) <= MOST_SPLITS:
        chosen = np.array(list(combinations(range(total), n)))
    else:
        generator = np.random.default_rng(0)
        chosen = np.argsort(generator.random((MOST_SPLITS, total)), axis=-1)[:, :n]
    sums = both[chosen].sum(axis=-1)
    differences = np.abs(sums / n - (both.sum() - sums) / (total - n))
    hits = int((differences >= observed - 1e-9).sum())
    return hits / len(chosen) if comb(total, n) <= MOST_SPLITS else (hits + 1) / (len(chosen) + 1)


def sign_flip_p(differences: Array) -> float:
    """Two-sided p-value that paired differences are as likely to be positive as negative, by their mean."""
    n = len(differences)
    if 2**n <= MOST_SPLITS:
        signs = np.array(list(product((-1.0, 1.0), repeat=n)))
    else:
        drawn = np.random.default_rng(0).choice([-1.0, 1.0], (MOST_SPLITS, n))
        signs = np.concatenate([np.ones((1, n)), drawn])  # what was found is one of the splits, so p is never zero
    means = np.abs(signs @ differences) / n
    return float((means >= abs(differences.mean()) - 1e-9).mean())


def turned_p(count: int, able: int, every: int, never: int) -> float:
    """P-value of as many cells as ``count`` that collapse with all seeds of one side and with none of the other.

    ``able`` cells collapse with some seed; ``every`` and ``never`` are the seeds of the side that collapses and of the
    other, or the other way round. One such cell is nothing: with a probability of one half, three seeds against three
    do so three times in a hundred. The bound holds for whatever probability makes it likeliest, and for cells that
    collapse independently.
    """
    if not count:
        return 1.0
    probability = np.linspace(0.0, 1.0, PROBABILITIES)
    # A cell is known to be able because a seed of it has collapsed, which is 1 - (1 - p)^seeds; p is cancelled from it.
    seen = ((1 - probability)[:, None] ** np.arange(every + never)).sum(axis=-1)
    falls = probability ** (every - 1) * (1 - probability) ** never
    rises = probability ** max(never - 1, 0) * (1 - probability) ** every  # the other side may as well be the one
    single = float(((falls + rises) / seen).max())
    return float(min(1.0, special.bdtrc(count - 1, able, single)))
