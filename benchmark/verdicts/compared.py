"""Stored and measured cells of one source side by side, and everything that their seeds say of a change."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from benchmark.experiments.cells import Cell
from benchmark.verdicts.contrast_weights import contrasts_of
from benchmark.verdicts.expected import Estimate
from benchmark.verdicts.statistics.arrays import Array, Mask
from benchmark.verdicts.statistics.cells import judge_cells
from benchmark.verdicts.statistics.changes import (
    Changes,
    Judged,
    all_together,
    between_seeds,
    between_sides,
    contrasts,
    groups_against_rest,
    moderated,
)
from benchmark.verdicts.statistics.unstable import collapsed, turned, turned_p, unstable

Depth: TypeAlias = Literal["bits", "paired", "seeds"]
"""How sharp a comparison is; :data:`DEPTHS` explains each."""
DEPTHS: dict[Depth, str] = {
    "bits": "the same seeds on the same kind of machine: every run must be equal",
    "paired": "the same seeds, but other versions or another machine: each seed is compared with itself",
    "seeds": "other seeds, one seed alone, or the same with results that have little in common: the means are compared",
}
Kind: TypeAlias = Literal["criterion", "contrast", "together", "collapse"]


ALIKE = 0.7
"""Correlation between the same seeds' results on both sides from which on each seed is compared with itself.

Where a training is so chaotic that rounding undoes what a seed shares, pairing gains nothing and costs half the degrees
of freedom.
"""


@dataclass(frozen=True)
class StoredAndMeasured:
    """A cell that has been run, and one of the sources that have stored a value of it."""

    cell: Cell
    source: str
    expected: Estimate
    measured: Estimate

    @property
    def same_values(self) -> bool:
        """Whether both sides are the same values of the same seeds, and so the same mean."""
        sides = [(each.mean, each.std, each.n, each.values) for each in (self.expected, self.measured)]
        return sides[0] == sides[1]

    @property
    def is_edited(self) -> bool:
        """Whether the stored mean, standard deviation and n are not those of the stored values."""
        return is_edited(self.expected)

    @property
    def common(self) -> list[int]:
        """The seeds that both sides have a value of."""
        return sorted(self.expected.values.keys() & self.measured.values.keys())

    @property
    def on_common_seeds(self) -> "StoredAndMeasured":
        """The same with the values of the common seeds alone, where one side has all of them and the other has more."""
        sides, common = (self.expected, self.measured), self.common
        sizes = {len(side.values) for side in sides}
        if self.is_edited or not common or len(common) < min(sizes) or len(sizes) == 1:
            return self
        expected, measured = (Estimate.from_values({seed: side.values[seed] for seed in common}) for side in sides)
        return replace(self, expected=expected, measured=measured)


def is_edited(stored: Estimate) -> bool:
    """Whether mean, std and n are not those of the seeds' values beside them."""
    if not stored.values:
        return False
    computed = Estimate.from_values(stored.values)
    # Values may have been printed with two decimals, and so may their mean.
    close = math.isclose(stored.mean, computed.mean, abs_tol=0.011) and math.isclose(
        stored.std or 0, computed.std or 0, abs_tol=0.011
    )
    return stored.n != computed.n or not close


@dataclass(frozen=True)
class Many:
    """A change of many cells together; ``difference`` and its interval are in points."""

    kind: Kind
    name: str
    cells: int
    difference: float
    interval: tuple[float, float] | None
    p: float


@dataclass(frozen=True)
class Compared:
    """One source: its cells, each with its change, and the changes of many together."""

    source: str
    depth: Depth
    pairs: Sequence[StoredAndMeasured]
    each: Judged
    unstable: Mask
    """Cells that collapse with some seeds, judged by permutation."""
    many: Sequence[Many]

    @property
    def runs(self) -> int:
        """How many runs have a stored value of their seed."""
        return sum(len(pair.common) for pair in self.pairs)


def compare(source: str, pairs: Sequence[StoredAndMeasured], grain: float, chance: float) -> Compared:
    """Compare one source's cells with their results, paired by seed where one side has all seeds of the other.

    ``grain`` is the step of the metric and ``chance`` the accuracy of a constant answer, both in percent.
    """
    first, second = _values(pairs)
    collapses = _collapses(pairs, first, second, chance)  # all stored seeds tell of these, whichever are paired
    some = list(pairs)
    if len({len(pair.common) for pair in pairs}) == 1:  # a part of the stored seeds is compared with that part
        some = [pair.on_common_seeds for pair in pairs]
    of_some = _values(some)
    paired = _can_pair(some) and _correlation(*of_some) >= ALIKE
    if paired:
        pairs, (first, second) = some, of_some
        raw = between_seeds(first, second, grain)
        changes = moderated(replace(raw, difference=np.array([p.measured.mean - p.expected.mean for p in pairs])))
    else:
        changes = moderated(_as_written(between_sides(first, second, grain), pairs, grain))
    each, shaky, calm = judge_cells(changes, first, second, chance, paired=paired)
    many = [
        *_criteria(pairs, each, calm),
        *_contrasts(pairs, calm, shaky),
        *_together(each, calm),
        *collapses,
    ]
    return Compared(source, "paired" if paired else "seeds", pairs, each, shaky, many)


def _values(pairs: Sequence[StoredAndMeasured]) -> tuple[Array, Array]:
    """Both sides' values [cells, seeds], NaN where a cell has no value for a seed.

    Where most cells have seeds of their own there is nothing that a column could stand for; it is then any seed.
    """
    sides = []
    for name in ("expected", "measured"):
        values: list[Mapping[int, float]] = [getattr(pair, name).values for pair in pairs]
        seeds = sorted(set().union(*values))
        shared = sum(2 * sum(seed in each for each in values) > len(values) for seed in seeds)
        own = 2 * shared < max(map(len, values))
        columns = {seed: column for column, seed in enumerate(seeds)}
        side = np.full((len(pairs), max(len(columns), 1)), np.nan)
        for row, each in enumerate(values):
            for column, seed in enumerate(sorted(each)):
                side[row, column if own else columns[seed]] = each[seed]
        sides.append(side)
    return sides[0], sides[1]


def _can_pair(pairs: Sequence[StoredAndMeasured]) -> bool:
    same = all(pair.common and len(pair.common) == pair.expected.n == pair.measured.n for pair in pairs)
    return same and any(pair.expected.n > 1 for pair in pairs) and not any(pair.is_edited for pair in pairs)


def _correlation(first: Array, second: Array) -> float:
    """Between the same seeds of both sides, over all cells, each by its own spread."""
    standardised = []
    for side in (first, second):
        centred = side - np.nansum(side, axis=1, keepdims=True) / np.maximum(np.isfinite(side).sum(axis=1), 1)[:, None]
        size = np.sqrt(np.nansum(centred**2, axis=1, keepdims=True))
        standardised.append(np.divide(centred, size, out=np.zeros_like(centred), where=size > 0))
    varies = int((np.nansum(np.abs(standardised[0]), axis=1) > 0).sum())
    return float(np.nansum(standardised[0] * standardised[1]) / varies) if varies else 1.0


def _as_written(changes: Changes, pairs: Sequence[StoredAndMeasured], grain: float) -> Changes:
    """The same changes with the means, standard deviations and numbers of seeds that are stored beside the values."""
    known = [[(each.mean, each.std, each.n) for each in (pair.expected, pair.measured)] for pair in pairs]
    mean, n = (np.array([[side[i] for side in pair] for pair in known], dtype=np.float64) for i in (0, 2))
    std = np.array([[np.nan if side[1] is None else side[1] for side in pair] for pair in known])
    free = np.where(np.isfinite(std), n - 1, 0.0)
    dof = free.sum(axis=1)
    squares = np.where(free > 0, free * std**2, 0.0).sum(axis=1)
    variance = np.where(dof > 0, np.maximum(squares / np.maximum(dof, 1), grain**2 / 12), np.nan)
    return replace(
        changes,
        difference=mean[:, 1] - mean[:, 0],
        variance=variance,
        dof=dof,
        size=(1 / n).sum(axis=1),
        level=mean.mean(axis=1),
    )


def _criteria(pairs: Sequence[StoredAndMeasured], each: Judged, changes: Changes) -> list[Many]:
    """Each criterion's cells against all other cells, for criteria of several cells where there are others."""
    names = np.array([pair.cell.criterion for pair in pairs])
    groups = [(str(name), names == name) for name in np.unique(names)]
    groups = [(name, group) for name, group in groups if group.sum() > 1 and (~group).sum() > 1]
    if not groups:
        return []
    use, at = _complete(changes)
    found = []
    for name, group in groups:
        inside = group[use]
        if not inside.any() or inside.all():
            continue
        p = float(groups_against_rest(each.z[use], inside[None], at)[0])
        moved = each.difference[use][inside].mean() - each.difference[use][~inside].mean()
        found.append(Many("criterion", name, int(inside.sum()), float(moved), None, p))
    return found


def _together(each: Judged, changes: Changes) -> list[Many]:
    use, at = _complete(changes)
    if use.sum() < 2:
        return []
    p = float(all_together(each.z[use], at))
    return [Many("together", "all cells together", int(use.sum()), float(each.difference[use].mean()), None, p)]


def _complete(changes: Changes) -> tuple[Mask, Changes]:
    """The cells that have run with the seeds that most cells have, and their changes over these seeds."""
    there = np.isfinite(changes.residuals)
    columns = there.sum(axis=0) > len(there) / 2
    use = there[:, columns].all(axis=1) & columns.any() & np.isfinite(changes.variance)
    at = _chosen(changes, use)
    return use, replace(at, residuals=at.residuals[:, columns])


def _chosen(changes: Changes, use: Mask) -> Changes:
    """The changes of some of the cells."""
    return Changes(
        difference=changes.difference[use],
        variance=changes.variance[use],
        dof=changes.dof[use],
        size=changes.size[use],
        residuals=changes.residuals[use],
        means=changes.means,
        level=changes.level[use],
    )


def _contrasts(pairs: Sequence[StoredAndMeasured], changes: Changes, shaky: Mask) -> list[Many]:
    """The contrasts between cells whose seeds' values are known and that do not collapse."""
    known = [bool(pair.expected.values) and bool(pair.measured.values) for pair in pairs]
    use = np.array(known) & ~shaky & np.isfinite(changes.variance)
    listed = contrasts_of([pair.cell for pair, used in zip(pairs, use, strict=True) if used])
    if not listed:
        return []
    at = _chosen(changes, use)
    found = contrasts(at, np.stack([each.weights for each in listed]))
    return [
        Many(
            "contrast",
            each.name,
            each.cells,
            float(found.difference[index]),
            (float(found.low[index]), float(found.high[index])),
            float(found.p[index]),
        )
        for index, each in enumerate(listed)
    ]


def _collapses(pairs: Sequence[StoredAndMeasured], first: Array, second: Array, chance: float) -> list[Many]:
    """Whether more cells than chance explains collapsed with all seeds of one side and with none of the other."""
    near = [(collapsed(side, chance) & np.isfinite(side)).any(axis=1) for side in (first, second)]
    able = int((near[0] | near[1] | unstable(first, second, chance)).sum())
    found = []
    for one, many, never, every in (
        ("collapses now", "cells that collapse now", first, second),
        ("no longer collapses", "cells that no longer collapse", second, first),
    ):
        cells = np.flatnonzero(turned(never, every, chance))
        if cells.size:
            seeds = [int(np.isfinite(side[cells]).sum(axis=1).min()) for side in (every, never)]
            move = float(np.nanmean(second[cells]) - np.nanmean(first[cells]))
            name = f"{pairs[cells[0]].cell} {one}" if cells.size == 1 else many
            found.append(Many("collapse", name, cells.size, move, None, turned_p(cells.size, able, *seeds)))
    return found
