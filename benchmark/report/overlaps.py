"""How alike the sets are that criteria would prune, by cell and moment of a training."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from benchmark.experiments.cells import Cell
from benchmark.experiments.outcome import ALL_LAYERS
from benchmark.verdicts.study import Study

Pair: TypeAlias = tuple[str, str]


@dataclass(frozen=True, order=True)
class Moment:
    """A comparison of criteria in the trainings of one cell."""

    cell: Cell
    step: int
    fraction: float


Indices: TypeAlias = Mapping[Moment, Mapping[Pair, Sequence[float]]]
"""The Jaccard index of each pair, a value for each seed."""


def compared_criteria(study: Study) -> tuple[str, ...]:
    """The criteria that the experiment compares with each other; none if it does not compare any."""
    asked = study.experiment.measure.jaccard
    return tuple(map(str, asked.criteria)) if asked else ()


def indices(study: Study, layer: str = ALL_LAYERS) -> Indices:
    """The indices over all layers or in one, in the order of the experiment's cells; empty if there are none."""
    pairs = list(itertools.combinations(compared_criteria(study), 2))
    found: dict[Moment, dict[Pair, list[float]]] = {}
    for run, result in study.results:
        if not pairs or result.outcome.measured is None:
            continue
        for overlap in result.outcome.measured.overlaps:
            moment = Moment(run.cell, overlap.step, overlap.fraction)
            for number, pair in enumerate(pairs):
                found.setdefault(moment, {}).setdefault(pair, []).append(overlap.jaccard(number, layer))
    place = {cell: number for number, cell in enumerate(study.cells)}
    return dict(sorted(found.items(), key=lambda item: (place[item[0].cell], item[0].step, -item[0].fraction)))


def cells_of(found: Indices) -> list[Cell]:
    """The cells in which criteria were compared."""
    return list(dict.fromkeys(moment.cell for moment in found))
