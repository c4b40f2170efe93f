"""The contrasts that a check judges beside the cells: what the paper asks is which rule is better, and by how much.

A contrast is a difference between cells of one experiment, such as snip minus magnitude at density 0.05. It is judged
like a cell, because two criteria that changed places leave every cell within a tolerance and not their difference.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from benchmark.experiments.cells import Cell, Value
from benchmark.verdicts.samples import references
from benchmark.verdicts.statistics.arrays import Array

REFERENCE = "magnitude"
STATIC = "static"
GROWTHS = ("gradient", "random")

Key: TypeAlias = tuple[str, float, tuple[tuple[str, Value], ...]]
"""The name of a contrast, a density and further axes."""


@dataclass(frozen=True)
class WeightedContrast:
    """A weighted sum of cells whose weights [cells] sum to zero."""

    name: str
    weights: Array
    cells: int


def contrasts_of(cells: Sequence[Cell]) -> list[WeightedContrast]:
    """Criterion − magnitude, gradient − random growth and criterion − static, at each density and over all of them."""
    single: dict[Key, list[Array]] = {}
    at = {cell: index for index, cell in enumerate(cells)}
    statics = [cell for cell in cells if cell.criterion == STATIC]
    for cell in cells:
        if cell.growth is None:
            continue
        for name, other in _partners(cell, statics):
            if other in at:
                weights = np.zeros(len(cells))
                weights[at[cell]] += 1
                weights[at[other]] -= 1
                single.setdefault((name, cell.density, cell.extra), []).append(weights)
    return [*_averages(single, _at_density), *_over_densities(single)]


def _partners(cell: Cell, statics: Iterable[Cell]) -> Iterable[tuple[str, Cell]]:
    if cell.criterion != REFERENCE:
        yield f"{cell.criterion} - {REFERENCE}", Cell(REFERENCE, cell.growth, cell.density, cell.extra)
    if cell.growth == GROWTHS[0]:
        yield (
            f"{cell.criterion}, {GROWTHS[0]} - {GROWTHS[1]} growth",
            Cell(cell.criterion, GROWTHS[1], cell.density, cell.extra),
        )
    for static in references(cell, statics)[:1]:
        yield f"{cell.criterion} - {STATIC}", static


def _at_density(key: Key) -> str:
    name, density, extra = key
    return " · ".join([name, f"{density:g}", *(f"{axis}={value}" for axis, value in extra)])


def _averages(groups: dict[Key, list[Array]], name: Callable[[Key], str]) -> list[WeightedContrast]:
    return [_contrast(name(key), weights) for key, weights in groups.items()]


def _over_densities(single: dict[Key, list[Array]]) -> list[WeightedContrast]:
    together: dict[str, list[Array]] = {}
    for (name, _, _), weights in single.items():
        together.setdefault(name, []).append(np.mean(weights, axis=0))
    return [_contrast(f"{name}, all densities", weights) for name, weights in together.items() if len(weights) > 1]


def _contrast(name: str, weights: Sequence[Array]) -> WeightedContrast:
    mean = np.mean(weights, axis=0)
    return WeightedContrast(name, mean, int((mean != 0).sum()))
