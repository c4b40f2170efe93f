"""How often the best possible tests of one cell find what changed: what is missing is knowledge of the spread."""

from collections.abc import Iterable

import numpy as np
from scipy import special

from benchmark.verdicts.calibration.of_check import World, worlds
from benchmark.verdicts.calibration.worlds import results
from benchmark.verdicts.check import FAMILY_LEVEL, SHARES

SEEDS = 3
LEAST = 0.02
"""Points; no spread is taken for smaller."""
POPULATION = 200
"""Spreads that stand for all those of a world."""


def bounds(experiments: int) -> Iterable[tuple[str, str, str]]:
    """Power of tests that know more than three seeds tell, for one cell that moves by one point among honest ones."""
    generator = np.random.default_rng(5)
    for world in worlds(experiments)[:2]:
        name = f"one cell −1 point, {world.name}, n = {SEEDS}"
        limit = FAMILY_LEVEL / len(world.grid.cells)
        exact, share, whole = power(generator, world, limit * SHARES["cell"], limit)
        yield f"{name}: a test that knows the spread of each cell", "–", f"{exact:.2f}"
        yield f"{name}: the best that knows all spreads, but not whose they are", "–", f"{share:.2f}"
        yield f"{name}: the same, with all of the level for cells alone", "–", f"{whole:.2f}"


def power(generator: np.random.Generator, world: World, limit: float, most: float) -> tuple[float, float, float]:
    """Shares of changes that are found: by a test that knows each spread, by the best that does not, and by it at more.

    The first two wrongly reject an honest cell as often as ``limit``, the last as often as ``most``.

    The best test is that of Neyman and Pearson (1933) between "no change" and "a change of one point up or down", which
    it may take for known; of the spread it knows the population that it is drawn from, and the measured variance. How
    often it rejects wrongly is the mean of 1/ratio over what it rejects rightly.
    """
    count, cells = world.std.shape
    which = np.arange(count), generator.integers(cells, size=count)
    shift = np.zeros(world.std.shape)
    shift[which] = -1.0
    sides = [
        results(generator, world.grid.mean + each, world.std, SEEDS, grain=world.grid.grain) for each in (0.0, shift)
    ]
    moved = (sides[1].mean(axis=-1) - sides[0].mean(axis=-1))[which][:, None]
    variance = (sides[0].var(axis=-1, ddof=1) + sides[1].var(axis=-1, ddof=1))[which][:, None] / 2
    spreads = np.maximum(np.quantile(world.std, np.linspace(0.0, 1.0, POPULATION)), LEAST)
    dof, error = 2 * (SEEDS - 1), spreads * np.sqrt(2 / SEEDS)
    log_likelihood = -dof * np.log(spreads) - dof * variance / (2 * spreads**2) - np.log(error)
    still, up, down = (log_likelihood - (moved - at) ** 2 / (2 * error**2) for at in (0.0, 1.0, -1.0))
    ratio = np.logaddexp(special.logsumexp(up, axis=1), special.logsumexp(down, axis=1)) - np.log(2)
    ratio -= special.logsumexp(still, axis=1)
    found = np.sort(ratio)[::-1]
    wrongly = np.cumsum(np.exp(-found)) / count
    known = np.maximum(world.std[which], LEAST) * np.sqrt(2 / SEEDS)
    exact = 2 * special.ndtr(-np.abs(moved[:, 0]) / known) < limit
    return float(exact.mean()), *(float((wrongly <= level).mean()) for level in (limit, most))  # type: ignore[return-value]
