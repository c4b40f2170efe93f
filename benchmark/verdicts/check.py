"""Judging measured cells against expected values, each cell alone and each criterion over all its cells."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmark.experiments.cells import Cell
from benchmark.verdicts.claims import changes, claims
from benchmark.verdicts.expected import MEASURED, Estimate, Expected, estimates
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.differences import Array, differences
from benchmark.verdicts.statistics.groups import moved, seed_correlation, seed_residuals
from benchmark.verdicts.statistics.holm import holm
from benchmark.verdicts.study import Study
from benchmark.verdicts.verdict import CheckOutcome, Row, Shift, Verdict
from criteria.errors import InputError

FAMILY_LEVEL = 0.01
"""How often an honest rerun may fail a whole experiment. Half goes to the cells and half to the criteria."""
SEEDS_TO_POOL = 3
"""The least number of seeds on each side with which a criterion is judged over all its cells. With fewer seeds its
shift cannot be told from the shift of the seeds, which all its cells share (simulated: honest reruns would fail up to
2.5 times in a hundred)."""


@dataclass(frozen=True)
class _StoredAndMeasured:
    """A cell that has been run, and one of the sources that have stored a value of it."""

    cell: Cell
    source: str
    expected: Estimate
    measured: Estimate


def check_study(study: Study) -> CheckOutcome:
    """The check of an experiment's results against its expected values.

    Cells that were trained without the contract are named in the warnings, because nothing shows that their criterion
    keeps it. Raises :class:`InputError` if the study has no expected values, or if nothing can be compared with them.
    """
    if study.expected is None:
        raise InputError(f"{study.experiment.name}: there are no expected values to check against")
    outcome = check(study.samples, study.expected)
    marked = [f"{cell}: trained with --no-contract" for cell in sorted(study.unproven)]
    return replace(outcome, warnings=(*outcome.warnings, *marked))


def check(samples: Samples, expected: Expected) -> CheckOutcome:
    """Judge every cell, and every criterion over all its cells, against every source.

    Raises :class:`InputError` if no cell has both a result and an expected value, because nothing would be checked.
    """
    measured = estimates(samples)
    stored = {cell.cell: cell.estimates for cell in expected.cells}
    pairs = [
        _StoredAndMeasured(cell, source, estimate, measured[cell])
        for cell, sources in sorted(stored.items())
        for source, estimate in sources.items()
        if cell in measured
    ]
    if not pairs:
        raise InputError(f"{expected.experiment}: no cell has both a result and an expected value; run it first")
    rows, z = _judge(pairs, expected.tolerance)
    rows = sorted([*rows, *_unpaired(stored, measured)], key=lambda row: (row.cell, row.source or ""))
    judged = claims(samples, expected.tolerance)
    ours = {cell: sources[MEASURED] for cell, sources in stored.items() if MEASURED in sources}
    return CheckOutcome(
        expected.experiment,
        expected.metric,
        expected.tolerance,
        tuple(rows),
        tuple(_shifts(pairs, z, expected.tolerance)),
        judged,
        changes(judged, expected.claims, same_results=measured == ours),
        tuple(_warnings(expected, pairs)),
    )


def _unpaired(stored: Mapping[Cell, Mapping[str, Estimate]], measured: Mapping[Cell, Estimate]) -> list[Row]:
    """The rows of the cells that are on one side only."""
    missing = [
        Row(cell, source, estimate.summary, None, "missing")
        for cell, sources in stored.items()
        if cell not in measured
        for source, estimate in sources.items()
    ]
    unexpected = [
        Row(cell, None, None, estimate.summary, "unexpected")
        for cell, estimate in measured.items()
        if cell not in stored
    ]
    return missing + unexpected


def _judge(pairs: Sequence[_StoredAndMeasured], tolerance: float) -> tuple[list[Row], Array]:
    """The row of each pair, and its difference as a normal deviate [pairs]."""
    welch = differences([pair.expected.summary for pair in pairs], [pair.measured.summary for pair in pairs])
    adjusted = _adjusted(welch.p)
    rows = []
    for index, pair in enumerate(pairs):
        difference, p = float(welch.difference[index]), float(adjusted[index])
        interval = float(welch.low[index]), float(welch.high[index])
        if pair.expected == pair.measured or _within(tolerance, *interval):
            verdict: Verdict = "reproduced"
        elif _within(tolerance, difference):
            verdict = "consistent"
        elif p < FAMILY_LEVEL or _is_edited(pair.expected):
            # Seeds' values that do not give the stored mean say nothing about how far that mean may be from the truth.
            verdict = "deviates"
        else:
            verdict = "inconclusive"
        summaries = pair.expected.summary, pair.measured.summary
        rows.append(Row(pair.cell, pair.source, *summaries, verdict, difference, interval, float(welch.p[index]), p))
    return rows, welch.z


def _shifts(pairs: Sequence[_StoredAndMeasured], z: Array, tolerance: float) -> list[Shift]:
    """Whether each criterion moved over all its cells; a criterion of one cell is judged with the cells."""
    found: list[Shift] = []
    for source in dict.fromkeys(pair.source for pair in pairs):
        chosen = [index for index, pair in enumerate(pairs) if pair.source == source and _can_pool(pair)]
        found += _shifts_from(source, [pairs[index] for index in chosen], z[chosen])
    adjusted = _adjusted(np.array([shift.p for shift in found]))
    return [
        replace(shift, p_adjusted=p, deviates=p < FAMILY_LEVEL and not _within(tolerance, shift.difference))
        for shift, p in zip(found, adjusted.tolist(), strict=True)
    ]


def _shifts_from(source: str, pairs: Sequence[_StoredAndMeasured], z: Array) -> list[Shift]:
    """The shift of each criterion against one source, before Holm's correction."""
    criteria = np.array([pair.cell.criterion for pair in pairs])
    groups = [group for name in np.unique(criteria) if len(group := np.flatnonzero(criteria == name)) > 1]
    if not groups:
        return []
    sides = [seed_residuals([getattr(pair, side).values for pair in pairs]) for side in ("expected", "measured")]
    dof = sum(max(side.shape[1] - 1, 0) for side in sides)  # a source without seeds has no columns
    p = moved(z, groups, seed_correlation(np.hstack(sides), groups), dof)
    moves = np.array([pair.measured.mean - pair.expected.mean for pair in pairs])
    return [
        Shift(str(criteria[group[0]]), source, len(group), float(moves[group].mean()), float(value), 1.0, False)
        for group, value in zip(groups, p, strict=True)
    ]


def _can_pool(pair: _StoredAndMeasured) -> bool:
    return min(pair.expected.n, pair.measured.n) >= SEEDS_TO_POOL


def _adjusted(p: Array) -> Array:
    # The factor 2 is there because cells and criteria are two families that each have half of FAMILY_LEVEL; in one
    # family the few criteria would pay for the many cells.
    return np.minimum(2 * holm(p), 1)


def _within(tolerance: float, *points: float) -> bool:
    # The slack keeps floating-point rounding from deciding about a difference of exactly the tolerance.
    return all(abs(point) <= tolerance + 1e-9 for point in points)


def _warnings(expected: Expected, pairs: Sequence[_StoredAndMeasured]) -> list[str]:
    """What a reader should know before trusting the verdicts."""
    found = [
        f"{stored.cell} ({source}): the stored mean, std and n are not those of the stored values, which "
        f"give {Estimate.from_values(estimate.values).summary}; compared is {estimate.summary}"
        for stored in expected.cells
        for source, estimate in stored.estimates.items()
        if _is_edited(estimate)
    ]
    if all(pair.expected.std is None and pair.measured.std is None for pair in pairs):
        found.append("one seed per cell on both sides: no spread is known, so no difference can be judged")
    elif not all(map(_can_pool, pairs)):
        found.append(
            f"some cells have fewer than {SEEDS_TO_POOL} seeds on a side and are left out when a criterion is judged "
            "over all its cells"
        )
    return found


def _is_edited(stored: Estimate) -> bool:
    """Whether mean, std and n are not those of the seeds' values beside them."""
    return bool(stored.values) and _disagree(stored, Estimate.from_values(stored.values))


def _disagree(stored: Estimate, computed: Estimate) -> bool:
    # Values may have been printed with two decimals, and so may their mean.
    close = math.isclose(stored.mean, computed.mean, abs_tol=0.011) and math.isclose(
        stored.std or 0, computed.std or 0, abs_tol=0.011
    )
    return stored.n != computed.n or not close
