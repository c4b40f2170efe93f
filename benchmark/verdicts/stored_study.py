"""Stored results as what they are: expected values, compared with other sources and never with themselves."""

from dataclasses import replace

from benchmark.experiments.cells import Cell
from benchmark.verdicts.check import check_study
from benchmark.verdicts.expected import MEASURED, Expected, StoredCell, estimates
from benchmark.verdicts.study import Study
from benchmark.verdicts.verdict import CheckOutcome


def check_stored(study: Study) -> CheckOutcome | None:
    """The check of the results that the ``measured`` values were made of, against the other sources; None without any.

    Cells of which no other source says anything are left out: they are expected values themselves.
    """
    others = _without_own(study.expected) if study.expected else None
    if others is None:
        return None
    outcome = check_study(replace(study, expected=others, stored=None))
    return replace(outcome, rows=tuple(row for row in outcome.rows if row.source is not None), claims=())


def contradicted(study: Study) -> list[Cell]:
    """The cells whose ``measured`` values are not those of the stored results that they should have been made of.

    Of the seeds that are asked for, each side has to have the same.
    """
    said = {cell.cell: cell.estimates for cell in study.expected.cells} if study.expected else {}
    found, asked = estimates(study.samples), set(study.experiment.axes.seeds)

    def stored(cell: Cell) -> dict[int, float]:
        values = said[cell][MEASURED].values if MEASURED in said.get(cell, {}) else {}
        return {seed: value for seed, value in values.items() if seed in asked}

    def archived(cell: Cell) -> dict[int, float]:
        return found[cell].values if cell in found else {}

    return [cell for cell in sorted({*study.cells, *found}) if stored(cell) != archived(cell)]


def _without_own(expected: Expected) -> Expected | None:
    """The values of the other sources alone, without verdicts on claims, which are ours."""
    kept = {
        stored.cell: others
        for stored in expected.cells
        if (others := {name: estimate for name, estimate in stored.estimates.items() if name != MEASURED})
    }
    cells = tuple(StoredCell.model_validate(cell.to_mapping() | others) for cell, others in kept.items())
    return expected.model_copy(update={"cells": cells, "claims": {}}) if cells else None
