"""Worlds with known truth: experiments whose true means and spreads are given, and draws of their results.

A world has as many cells as `smoke`: six criteria × two growths × three densities, static at three densities and dense.
Arrays are [experiments, cells, seeds] for a check and [experiments, settings, criteria, seeds] for a standing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmark.experiments.cells import Cell
from benchmark.verdicts.expected import MEASURED, expected_file, read_expected
from benchmark.verdicts.statistics.arrays import Array
from benchmark.verdicts.statistics.moderated import moderate

CRITERIA = ("magnitude", "set", "mest", "snip", "reciprocal_sensitivity", "random")
GROWTHS = ("gradient", "random")
FMNIST, SMOKE = "fmnist-lenet300", "smoke"
DENSITIES: Mapping[str, tuple[float, ...]] = {FMNIST: (0.05, 0.1, 0.2), SMOKE: (0.02, 0.05, 0.2)}
"""Of the stored cells that are used: all of `smoke`, and as many of the other."""
COLLAPSED = 10.0
"""Accuracy of a constant answer."""
REACHED = 26.0
"""Accuracy of the seeds that do not collapse in a cell of which some do, as stored of smoke."""

Spreads = Callable[[np.random.Generator, int], Array]
"""Standard deviations [experiments, settings, criteria] of a number of experiments."""


@dataclass(frozen=True)
class Grid:
    """The cells of an experiment with their stored means and spreads [cells]."""

    cells: tuple[Cell, ...]
    mean: Array
    std: Array
    grain: float

    @property
    def settings(self) -> tuple[Array, Array]:
        """Mean and spread of the criteria [settings, criteria]: growth by growth, density by density."""
        size = (len(GROWTHS) * 3, len(CRITERIA))
        return self.mean[: size[0] * size[1]].reshape(size), self.std[: size[0] * size[1]].reshape(size)


@cache
def stored(name: str) -> Grid:
    """The grid of a shipped experiment as it is stored, at three densities."""
    known = {each.cell: each.estimates[MEASURED] for each in read_expected(expected_file(name)).cells}
    cells = [
        Cell(criterion, growth, density) for growth in GROWTHS for density in DENSITIES[name] for criterion in CRITERIA
    ]
    cells += [Cell("static", None, density) for density in DENSITIES[name]] + [Cell("dense", None, 1.0)]
    values = np.unique([value for cell in cells for value in known[cell].values.values()])
    return Grid(
        tuple(cells),
        np.array([known[cell].mean for cell in cells]),
        np.array([known[cell].std or 0.0 for cell in cells]),
        float(np.diff(values).min()),
    )


def uncertain(generator: np.random.Generator, experiments: int, grid: Grid, seeds: int) -> Array:
    """Spreads [experiments, cells] that may be the true ones, given that the stored ones are from so few seeds.

    Three seeds scatter the stored spreads far more than the true ones differ; they are drawn from what is known of them
    (their moderated posterior).
    """
    dof = np.full(len(grid.std), seeds - 1.0)
    found = moderate(grid.std**2, dof, np.log(100 - grid.mean))
    return np.sqrt(
        found.dof * found.variance / generator.chisquare(np.broadcast_to(found.dof, (experiments, len(dof))))
    )


def around(level: float, scatter: float) -> Spreads:
    """Spreads around a level, log-normal."""
    return lambda generator, n: level * np.exp(scatter * generator.standard_normal((n, 6, 6)))


def with_noisy(criterion: int, times: float) -> Spreads:
    """Spreads around 0.2 of which one criterion's are so many times as large."""

    def spreads(generator: np.random.Generator, n: int) -> Array:
        found = around(0.2, 0.3)(generator, n)
        found[..., criterion] *= times
        return found

    return spreads


def wide(generator: np.random.Generator, n: int) -> Array:
    """Spreads from 0.2 to 2.5 points, each order of magnitude as likely."""
    return np.asarray(np.exp(generator.uniform(np.log(0.2), np.log(2.5), (n, 6, 6))))


def by_density(generator: np.random.Generator, n: int) -> Array:
    """Spreads that fall with density: 0.6, 0.3 and 0.15 points."""
    return np.asarray(np.tile([0.6, 0.3, 0.15], 2)[:, None] * np.exp(0.2 * generator.standard_normal((n, 6, 6))))


def as_stored(name: str) -> Spreads:
    """The stored spreads of a shipped experiment, taken for the truth."""
    return lambda _, n: np.broadcast_to(stored(name).settings[1], (n, 6, 6))


SPREADS: Mapping[str, Spreads] = {
    "stored fmnist": as_stored(FMNIST),
    "stored smoke": as_stored(SMOKE),
    "quiet": around(0.08, 0.3),
    "wide": wide,
    "one noisy criterion": with_noisy(4, 10.0),
    "noisy reference": with_noisy(0, 8.0),
    "spread by density": by_density,
    "skewed": around(0.3, 0.0),
}
"""Worlds of a standing, by name; magnitude is the first criterion and the reference."""


# long because a world is said by these seven numbers, and one call makes one
def results(
    generator: np.random.Generator,
    mean: Array,
    std: Array,
    seeds: int,
    *,
    correlation: float = 0.0,
    skewed: bool = False,
    grain: float = 0.01,
) -> Array:
    """Results [experiments, ..., seeds] with true means and spreads [experiments, ...].

    A seed moves all cells of an experiment together as far as ``correlation`` says. Skewed noise is an exponential one
    with its tail downwards, as a seed that trains badly.
    """
    size = (*np.broadcast_shapes(mean.shape, std.shape), seeds)
    own = 1 - generator.standard_exponential(size) if skewed else generator.standard_normal(size)
    shared = generator.standard_normal((size[0], *(1,) * (len(size) - 2), seeds))
    noise = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
    return np.asarray(np.clip(np.round((mean[..., None] + std[..., None] * noise) / grain) * grain, 0, 100))


def collapsing(generator: np.random.Generator, values: Array, cells: int, probability: float) -> Array:
    """The same results [experiments, cells, seeds], of which the last ``cells`` collapse with some seeds."""
    values = values.copy()
    size = (len(values), cells, values.shape[-1])
    dead = generator.random(size) < probability
    low, high = COLLAPSED + 0.15 * generator.standard_normal(size), REACHED + 3 * generator.standard_normal(size)
    values[:, -cells:] = np.where(dead, low, high)
    return values
