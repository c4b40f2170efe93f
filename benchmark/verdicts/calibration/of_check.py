"""What a check promises: honest reruns pass, and what was changed is found; in worlds with known truth.

The same functions judge as in :mod:`benchmark.verdicts.check`, for many experiments at once; a test holds the two
together on single ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmark.system.quantity import quantity
from benchmark.verdicts.calibration.worlds import FMNIST, SMOKE, Grid, collapsing, results, stored, uncertain
from benchmark.verdicts.check import FAMILY_LEVEL, SHARES, TOGETHER
from benchmark.verdicts.contrast_weights import contrasts_of
from benchmark.verdicts.limits import CHANCE
from benchmark.verdicts.statistics.arrays import Array, Mask
from benchmark.verdicts.statistics.cells import judge_cells
from benchmark.verdicts.statistics.changes import (
    all_together,
    between_seeds,
    between_sides,
    contrasts,
    groups_against_rest,
    moderated,
)
from benchmark.verdicts.statistics.multiplicity import holm
from benchmark.verdicts.statistics.unstable import collapsed, turned, turned_p, unstable

TOLERANCE = {FMNIST: 0.3, SMOKE: 1.0}
SIDES = ((5, 5), (3, 3), (2, 2), (5, 3), (5, 2), (5, 1), (3, 1))
COLLAPSING = ((3, 3), (5, 5), (5, 1), (10, 3))
CORRELATIONS = (0.0, 0.4, 0.8)


@dataclass(frozen=True)
class World:
    """True means [cells] and spreads [experiments, cells] of an experiment."""

    name: str
    grid: Grid
    std: Array
    tolerance: float


def worlds(experiments: int) -> list[World]:
    """The worlds in which reruns are honest."""
    generator = np.random.default_rng(14)
    fmnist, smoke = stored(FMNIST), stored(SMOKE)
    cells = len(fmnist.cells)
    wide = np.exp(generator.uniform(np.log(0.2), np.log(2.5), (experiments, cells)))
    return [
        World("stored fmnist", fmnist, np.broadcast_to(fmnist.std, (experiments, cells)), TOLERANCE[FMNIST]),
        World("fmnist, spreads as uncertain as they are", fmnist, uncertain(generator, experiments, fmnist, 3), 0.3),
        World("stored smoke", smoke, np.broadcast_to(smoke.std, (experiments, cells)), TOLERANCE[SMOKE]),
        World("wide", fmnist, wide, TOLERANCE[FMNIST]),
        World("every spread 0.2", fmnist, np.full((experiments, cells), 0.2), TOLERANCE[FMNIST]),
    ]


def fails(first: Array, second: Array, world: World, *, paired: bool = False) -> Mask:
    """Whether a check of ``second`` against the stored ``first`` [experiments, cells, seeds] fails."""
    raw = (between_seeds if paired else between_sides)(first, second, world.grid.grain)
    each, shaky, calm = judge_cells(moderated(raw), first, second, CHANCE, paired=paired)
    names = np.array([cell.criterion for cell in world.grid.cells])
    groups = np.stack([names == name for name in np.unique(names) if (names == name).sum() > 1])
    moved = each.difference @ (groups / groups.sum(axis=1)[:, None] - ~groups / (~groups).sum(axis=1)[:, None]).T
    weights = np.stack([contrast.weights for contrast in contrasts_of(world.grid.cells)])
    touched = (shaky.astype(float) @ (weights != 0).T.astype(float)) > 0
    differences = contrasts(calm, weights)
    together = all_together(each.z, calm)[:, None]
    return (
        _turns(first, second)
        | _deviates(each.p, each.difference, "cell", world.tolerance)
        | _deviates(groups_against_rest(each.z, groups, calm), moved, "criterion", world.tolerance)
        | _deviates(np.where(touched, 1.0, differences.p), differences.difference, "contrast", world.tolerance)
        | _deviates(together, each.difference.mean(axis=1)[:, None], "together", world.tolerance * TOGETHER)
    )


def _turns(first: Array, second: Array) -> Mask:
    """Whether more cells [experiments, cells, seeds] collapse with all seeds of one side only than chance explains."""
    near = [collapsed(side, CHANCE).any(axis=-1) for side in (first, second)]
    able = (near[0] | near[1] | unstable(first, second, CHANCE)).sum(axis=-1)
    p = np.ones((2, len(first)))
    for direction, (never, every) in enumerate(((first, second), (second, first))):
        counts = turned(never, every, CHANCE).sum(axis=-1)
        for at in np.flatnonzero(counts):
            p[direction, at] = turned_p(int(counts[at]), int(able[at]), every.shape[-1], never.shape[-1])
    return np.asarray((p / SHARES["collapse"] < FAMILY_LEVEL).any(axis=0))


def _deviates(p: Array, difference: Array, kind: str, tolerance: float) -> Mask:
    return np.asarray(((holm(p) / SHARES[kind] < FAMILY_LEVEL) & (np.abs(difference) > tolerance + 1e-9)).any(axis=-1))


def honest(experiments: int) -> Iterable[tuple[str, str, str]]:
    """How often honest reruns fail: other seeds, another machine's rounding, skewed noise, and seeds that collapse."""
    generator = np.random.default_rng(1)
    listed = worlds(experiments)
    for world in listed:
        rates = {
            (sides, rho): _rate(generator, world, sides, correlation=rho) for sides, rho in product(SIDES, CORRELATIONS)
        }
        (sides, rho), most = max(rates.items(), key=lambda item: item[1])
        mean = float(np.mean(list(rates.values())))
        worst = f"{most:.4f} ({sides[0]} against {sides[1]} seeds, correlation {rho:g})"
        yield f"other seeds, {world.name}", "≤ .01", f"mean {mean:.4f}, worst {worst}"
    for world in listed[:3]:
        moved = [_rounding_rate(generator, world, n, chaos) for n in (2, 3, 5) for chaos in (0.01, 0.1, 0.3)]
        yield f"another machine's rounding, {world.name}", "≤ .01", f"worst {max(moved):.4f}"
    skewed = [_rate(generator, listed[0], (n, n), skewed=True) for n in (3, 5)]
    yield "skewed noise, stored fmnist", "≤ .01", f"worst {max(skewed):.4f}"
    for cells, probability in product((1, 4), (0.2, 0.5, 0.8)):
        some = [_rate(generator, listed[2], s, collapse=(cells, probability)) for s in COLLAPSING]
        name = f"{quantity(cells, 'cell')} of smoke collapsing with probability {probability:g}"
        yield name, "≤ .01", f"worst {max(some):.4f}"


def _rate(
    generator: np.random.Generator,
    world: World,
    sides: tuple[int, int],
    *,
    correlation: float = 0.0,
    skewed: bool = False,
    collapse: tuple[int, float] | None = None,
) -> float:
    drawn = [
        results(
            generator, world.grid.mean, world.std, n, correlation=correlation, skewed=skewed, grain=world.grid.grain
        )
        for n in sides
    ]
    if collapse:
        drawn = [collapsing(generator, each, *collapse) for each in drawn]
    return float(fails(drawn[0], drawn[1], world).mean())


def _rounding_rate(generator: np.random.Generator, world: World, seeds: int, chaos: float) -> float:
    """Runs with the same seeds, whose rounding has changed a part of what makes their variance."""
    same = generator.standard_normal((*world.std.shape, seeds))
    sides = [np.sqrt(1 - chaos) * same + np.sqrt(chaos) * generator.standard_normal(same.shape) for _ in range(2)]
    first, second = (np.clip(world.grid.mean[:, None] + world.std[..., None] * each, 0, 100).round(2) for each in sides)
    return float(fails(first, second, world, paired=True).mean())


def power(experiments: int) -> Iterable[tuple[str, str, str]]:
    """How often a change is found, three seeds against three and five against five."""
    generator = np.random.default_rng(2)
    for world in (each for each in worlds(experiments) if each.name != "wide"):
        cells, count = len(world.grid.cells), len(world.std)
        names = np.array([cell.criterion for cell in world.grid.cells])
        one_cell, criterion = np.zeros((count, cells)), np.zeros((count, cells))
        one_cell[np.arange(count), np.arange(count) % cells] = -1
        studied = np.unique(names[:36])
        criterion[:] = -(names == studied[np.arange(count) % len(studied)][:, None]).astype(float)
        for what, shift, required in (("one criterion −1", criterion, "≥ .90"), ("one cell −1", one_cell, "≥ .70")):
            found = {
                n: fails(_drawn(generator, world, n), _drawn(generator, world, n, shift), world).mean() for n in (3, 5)
            }
            bound = required if "fmnist" in world.name or "0.2" in world.name else "–"
            yield f"{what} point, {world.name}, n = 3 / 5", bound, " / ".join(f"{each:.2f}" for each in found.values())
        chosen = {n: fails(_best(generator, world, n), _drawn(generator, world, n), world).mean() for n in (3, 5)}
        yield (
            f"the best 3 of 20 seeds in every cell, {world.name}, against 3 / 5 others",
            "≥ .90",
            " / ".join(f"{each:.2f}" for each in chosen.values()),
        )


def _drawn(generator: np.random.Generator, world: World, seeds: int, shift: Array | float = 0.0) -> Array:
    return results(generator, world.grid.mean + shift, world.std, seeds, grain=world.grid.grain)


def _best(generator: np.random.Generator, world: World, _: int) -> Array:
    """Three seeds out of twenty that are the best of each cell, in the order of their numbers."""
    values = results(generator, world.grid.mean, world.std, 20, grain=world.grid.grain)
    chosen = np.sort(np.argsort(values, axis=-1)[..., -3:], axis=-1)
    return np.take_along_axis(values, chosen, axis=-1)
