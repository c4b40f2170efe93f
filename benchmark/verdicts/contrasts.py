"""Contrasts: what one change does to the same cells, paired by seed."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from benchmark.experiments.cells import Cell, Value
from benchmark.experiments.runs import Run
from benchmark.verdicts.samples import Samples, grain
from benchmark.verdicts.statistics.paired import Mean, paired, paired_over
from benchmark.verdicts.study import Study
from criteria.errors import InputError

PARTS = ("data", "model", "training", "topology", "engine")
"""The parts of a run's setup that decide its numbers."""
SAME = ("data", "metric")
"""The parts that two experiments must share, because their numbers would not mean the same otherwise."""

Contender: TypeAlias = tuple[str, str | None]
"""A criterion with a growth; a baseline has none."""


@dataclass(frozen=True)
class Contrast:
    """Accuracy under a ``first`` rule minus accuracy under a ``second``, in percentage points, paired by seed."""

    first: str
    second: str
    changes: tuple[str, ...]
    """The settings that differ between the two, each as ``setting: value, not value``."""
    cells: Mapping[Cell, Mean]
    overall: Mapping[Contender, Mean]
    """Over all cells of a criterion with a growth; a seed's differences are averaged first."""
    missing: frozenset[Cell] = frozenset()
    """Cells that both sides ask for, and in which they have no seed in common."""

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"{_word(self.first)}-against-{_word(self.second)}"


def between_experiments(first: Study, second: Study) -> Contrast:
    """One experiment against another, over the cells and seeds that both have results for.

    Raises :class:`InputError` for experiments that do not measure the same on the same data, do not differ in any
    setting, or have no result in common.
    """
    names = first.experiment.name, second.experiment.name
    what = " and ".join(names)
    for part in SAME:
        ours, theirs = getattr(first.experiment, part), getattr(second.experiment, part)
        if ours != theirs:
            raise InputError(f"{what} cannot be compared: their {part} is {ours} and {theirs}")
    pair = _same_cell_and_seed(first, second)
    if pair is None:
        raise InputError(f"{what} have no cell with a result for the same seed; run both with the same cells and seeds")
    changes = _changes(*pair)
    if not changes:
        raise InputError(f"{what} have the same settings; there is nothing to compare")
    return _contrast(names, changes, first.samples, second.samples, {*first.cells} & {*second.cells})


def along_axes(values: Samples, asked: Collection[Cell] = ()) -> list[Contrast]:
    """Within one experiment, each setting that varies over words: every further value of it against the first.

    ``asked`` are the cells of the experiment, with or without results; those without are missing.
    """
    axes: dict[str, dict[str, dict[Cell, Mapping[int, float]]]] = {}
    for cell, by_seed in values.items():
        for axis, value in cell.extra:
            if isinstance(value, str) and by_seed:
                axes.setdefault(axis, {}).setdefault(value, {})[_without(cell, axis)] = by_seed
    found = []
    for axis, sides in axes.items():
        (reference, second), *others = sides.items()
        for value, first in others:
            change = f"{axis}: {value}, not {reference}"
            names = f"{axis} {value}", f"{axis} {reference}"
            both = _with_value(asked, axis, value) & _with_value(asked, axis, reference)
            found.append(_contrast(names, (change,), first, second, both))
    return [contrast for contrast in found if contrast.cells]


def _same_cell_and_seed(first: Study, second: Study) -> tuple[Run, Run] | None:
    """A run of each study with the same cell and seed, of a criterion if there is one; None if there is no such pair.

    Criteria come first because the topology of a baseline need not be that of its experiment.
    """
    theirs = {(run.cell, run.seed): run for run, _ in second.results}
    pairs = [(run, theirs[run.cell, run.seed]) for run, _ in first.results if (run.cell, run.seed) in theirs]
    return next((pair for pair in pairs if pair[0].cell.growth is not None), pairs[0] if pairs else None)


def _changes(ours: Run, theirs: Run) -> tuple[str, ...]:
    """The settings that differ between two runs, each as ``setting: value, not value``."""
    first, second = (flat_settings({part: getattr(run.setup, part) for part in PARTS}) for run in (ours, theirs))
    keys = [key for key in dict.fromkeys([*first, *second]) if first.get(key) != second.get(key)]
    return tuple(f"{key}: {first.get(key, '–')}, not {second.get(key, '–')}" for key in keys)


def _contrast(
    names: tuple[str, str], changes: tuple[str, ...], ours: Samples, theirs: Samples, asked: Collection[Cell]
) -> Contrast:
    step = min(filter(None, map(grain, (ours, theirs))), default=0.0)
    found: dict[Cell, Mean] = {}
    together: dict[Contender, list[Cell]] = {}
    for cell in ours:
        difference = paired(ours[cell], theirs.get(cell, {}), step)
        if difference is not None and not (cell.growth is None and _same(ours[cell], theirs[cell])):
            found[cell] = difference
            together.setdefault((cell.criterion, cell.growth), []).append(cell)
    overall = {
        who: mean
        for who, cells in together.items()
        if (mean := paired_over([(ours[cell], theirs[cell]) for cell in cells], step)) is not None
    }
    missing = frozenset(cell for cell in asked if not ours.get(cell, {}).keys() & theirs.get(cell, {}).keys())
    return Contrast(*names, changes, found, overall, missing)


def _same(first: Mapping[int, float], second: Mapping[int, float]) -> bool:
    """Whether a baseline, which no rule of the topology concerns, is the same training on both sides."""
    return all(first[seed] == second[seed] for seed in first.keys() & second.keys())


def _with_value(cells: Iterable[Cell], axis: str, value: str) -> set[Cell]:
    """The cells of one value of an axis, without it."""
    return {_without(cell, axis) for cell in cells if (axis, value) in cell.extra}


def _without(cell: Cell, axis: str) -> Cell:
    extra: tuple[tuple[str, Value], ...] = tuple(pair for pair in cell.extra if pair[0] != axis)
    return Cell(cell.criterion, cell.growth, cell.density, extra)


def flat_settings(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their dotted names, such as ``training.epochs``."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        plain = value.model_dump() if hasattr(value, "model_dump") else value
        found |= flat_settings(plain, f"{prefix}{key}.") if isinstance(plain, dict) else {f"{prefix}{key}": plain}
    return found


def _word(text: str) -> str:
    return re.sub(r"[^\w.]+", "-", text)
