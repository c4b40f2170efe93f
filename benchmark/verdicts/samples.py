"""Samples: the metric of each cell of an experiment with each seed, and arithmetic on them."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from benchmark.experiments.cells import Cell
from benchmark.verdicts.statistics.paired import Mean, paired

Samples: TypeAlias = Mapping[Cell, Mapping[int, float]]
"""Cell → seed → metric in percent."""
COARSEST = 0.25
"""The coarsest step of a metric in points, of a test set of 400 images; few results may all be further apart."""


def grain(samples: Mapping[Any, Mapping[int, float]]) -> float:
    """The step of the metric: the smallest difference between two results of the experiment, 0 if all are equal."""
    values = np.unique(np.round([value for values in samples.values() for value in values.values()], 9))
    return float(np.diff(values).min()) if len(values) > 1 else 0.0


def capped_grain(samples: Mapping[Any, Mapping[int, float]]) -> float:
    """The step of the metric as far as few results can show it, :data:`COARSEST` at most; 0 if all are equal."""
    return min(grain(samples), COARSEST)


def over_baseline(
    cells: Iterable[Cell], samples: Samples, baseline: str, *, same_density: bool = True
) -> dict[Cell, Mean]:
    """How far each cell is above its baseline, paired over seeds; cells without one are left out.

    A cell's baseline is the first of its :func:`references` that has a seed in common with it.
    """
    found: dict[Cell, Mean] = {}
    step = grain(samples)
    baselines = [cell for cell in samples if cell.criterion == baseline]
    for cell in cells:
        for reference in references(cell, baselines, same_density=same_density):
            if (advantage := paired(samples.get(cell, {}), samples[reference], step)) is not None:
                found[cell] = advantage
                break
    return found


def references(cell: Cell, baselines: Iterable[Cell], *, same_density: bool = True) -> list[Cell]:
    """The baselines that a cell can be compared with, the one that has most in common with it first.

    They agree with it in every further setting that they have: a baseline has no axis of what does not concern it, such
    as an update period.
    """
    fitting = [
        each
        for each in baselines
        if set(each.extra) <= set(cell.extra) and (not same_density or each.density == cell.density)
    ]
    return sorted(fitting, key=lambda each: -len(each.extra))
