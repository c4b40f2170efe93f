"""What one change does: the same cells under two rules, paired by seed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from benchmark.experiments.cells import Cell, Value
from benchmark.experiments.experiment import Experiment
from benchmark.experiments.results import Results, samples
from benchmark.verdicts.samples import Samples, grain
from benchmark.verdicts.statistics.paired import Mean, paired, paired_over
from criteria.errors import InputError

PARTS = ("data", "model", "training", "topology", "metric")
"""What of an experiment decides its numbers, apart from its axes."""
SAME = ("data", "metric")
"""What two experiments must share for their numbers to mean the same."""

Contender: TypeAlias = tuple[str, str | None]
"""A criterion with a growth; a baseline has none."""


@dataclass(frozen=True)
class Contrast:
    """Accuracy under a ``first`` rule minus accuracy under a ``second``, in percentage points, paired by seed."""

    first: str
    second: str
    changes: tuple[str, ...]
    """What differs between the two, each as ``setting: value, not value``."""
    cells: Mapping[Cell, Mean]
    overall: Mapping[Contender, Mean]
    """Over all cells of a criterion with a growth; a seed's differences are averaged first."""

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{_word(self.first)}-against-{_word(self.second)}"


def between_experiments(first: tuple[Experiment, Results], second: tuple[Experiment, Results]) -> Contrast:
    """One experiment against another, over the cells and seeds that both have results for.

    Raises :class:`InputError` for experiments that do not measure the same on the same data, do not differ in any
    setting, or have no result in common.
    """
    names = [experiment.name for experiment, _ in (first, second)]
    what = " and ".join(names)
    for part in SAME:
        values = [getattr(experiment, part) for experiment, _ in (first, second)]
        if values[0] != values[1]:
            raise InputError(f"{what} cannot be compared: their {part} is {values[0]} and {values[1]}")
    runs = [{(run.cell, run.seed): run for run, _ in results} for _, results in (first, second)]
    common = [key for key in runs[0] if key in runs[1]]
    if not common:
        raise InputError(f"{what} have no cell with a result for the same seed; run both with the same cells and seeds")
    # Those of a baseline need not have the topology that the experiment has.
    shown = next((key for key in common if key[0].growth is not None), common[0])
    settings = [_flat({part: getattr(each[shown].experiment, part) for part in PARTS}) for each in runs]
    keys = [key for key in dict.fromkeys([*settings[0], *settings[1]]) if settings[0].get(key) != settings[1].get(key)]
    if not keys:
        raise InputError(f"{what} have the same settings; there is nothing to compare")
    changes = tuple(f"{key}: {settings[0].get(key, '–')}, not {settings[1].get(key, '–')}" for key in keys)
    return _contrast(names[0], names[1], changes, samples(first[1]), samples(second[1]))


def along_axes(values: Samples) -> list[Contrast]:
    """Within one experiment, every further value of each setting that varies over words against the first of them."""
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
            found.append(_contrast(f"{axis} {value}", f"{axis} {reference}", (change,), first, second))
    return [contrast for contrast in found if contrast.cells]


def _contrast(first: str, second: str, changes: tuple[str, ...], ours: Samples, theirs: Samples) -> Contrast:
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
    return Contrast(first, second, changes, found, overall)


def _same(first: Mapping[int, float], second: Mapping[int, float]) -> bool:
    """Whether a baseline, which no rule of the topology concerns, is the same training on both sides."""
    return all(first[seed] == second[seed] for seed in first.keys() & second.keys())


def _without(cell: Cell, axis: str) -> Cell:
    extra: tuple[tuple[str, Value], ...] = tuple(pair for pair in cell.extra if pair[0] != axis)
    return Cell(cell.criterion, cell.growth, cell.density, extra)


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted names."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        plain = value.model_dump() if hasattr(value, "model_dump") else value
        found |= _flat(plain, f"{prefix}{key}.") if isinstance(plain, dict) else {f"{prefix}{key}": plain}
    return found


def _word(text: str) -> str:
    return re.sub(r"[^\w.]+", "-", text)
