"""Checking measured cells against expected values, and saying what was reproduced."""

import json
import math
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from tabulate import tabulate

from benchmark.experiments.cells import Cell
from benchmark.verdicts.claims import ClaimChange, ClaimOutcome, changes, claims, render_claims
from benchmark.verdicts.expected import MEASURED, Estimate, Expected, estimates
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.differences import CONFIDENCE, Array, Summary, differences
from benchmark.verdicts.statistics.groups import moved, seed_correlation, seed_residuals
from benchmark.verdicts.statistics.holm import holm
from criteria.errors import InputError

FAMILY_LEVEL = 0.01
"""How often an honest rerun may fail a whole experiment. Half goes to the cells and half to the criteria."""
SEEDS_TO_POOL = 3
"""Seeds on each side from which on criteria are judged over all their cells; fewer cannot tell a criterion's shift from
that of the seeds, which all its cells share (simulated: honest reruns would fail up to 2.5 times in a hundred)."""
WIDTH = 100
"""Columns of the text."""

Verdict: TypeAlias = Literal["deviates", "missing", "inconclusive", "unexpected", "consistent", "reproduced"]
"""From worst to best; :data:`MEANINGS` says what each is."""
MEANINGS: dict[Verdict, str] = {
    "reproduced": "the whole interval of the difference is inside the tolerance, or every seed gave its stored value",
    "consistent": "the difference is inside the tolerance, but its interval is wider: more seeds would tell",
    "unexpected": "the cell has been run, but no value is stored",
    "inconclusive": "the difference is outside the tolerance, perhaps by chance",
    "missing": "a value is stored, but the cell has not been run",
    "deviates": (
        "the difference is outside the tolerance, and not by chance, or from a stored mean that its own seeds' values "
        "contradict"
    ),
}
"""Every verdict, best first."""


@dataclass(frozen=True)
class Row:
    """One cell against one source. Difference and interval are measured minus expected, in percentage points."""

    cell: Cell
    source: str | None
    expected: Summary | None
    measured: Summary | None
    verdict: Verdict
    difference: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    p_adjusted: float | None = None
    """Holm-adjusted over the experiment, so that it compares with ``FAMILY_LEVEL``."""


@dataclass(frozen=True)
class Shift:
    """All cells of one criterion or baseline against one source; ``difference`` is the mean of theirs."""

    criterion: str
    source: str
    cells: int
    difference: float
    p: float
    p_adjusted: float
    deviates: bool


@dataclass(frozen=True)
class CheckOutcome:
    """What a check found."""

    experiment: str
    metric: str
    tolerance: float
    rows: tuple[Row, ...]
    shifts: tuple[Shift, ...]
    claims: tuple[ClaimOutcome, ...]
    changes: tuple[ClaimChange, ...]
    warnings: tuple[str, ...]

    @property
    def overall(self) -> Verdict:
        """The worst verdict of all cells and criteria, and of claims whose verdict is not the stored one."""
        found = {row.verdict for row in self.rows} | {"deviates" for shift in self.shifts if shift.deviates}
        found |= {"deviates" if change.deviates else "inconclusive" for change in self.changes}
        return next(verdict for verdict in get_args(Verdict) if verdict in found)

    def exit_status(self, *, strict: bool = False) -> int:
        """1 where something deviates (``strict``: or is missing or inconclusive), else 0."""
        return int(self.overall in (("deviates", "missing", "inconclusive") if strict else ("deviates",)))


@dataclass(frozen=True)
class _Comparison:
    """A cell that has both been run and been stored by a source."""

    cell: Cell
    source: str
    expected: Estimate
    measured: Estimate


def check(samples: Samples, expected: Expected) -> CheckOutcome:
    """Judge every cell, and every criterion over all its cells, against every source.

    Raises :class:`InputError` where no cell has both a result and an expected value: nothing would be checked.
    """
    measured = estimates(samples)
    stored = {cell.cell: cell.estimates for cell in expected.cells}
    comparisons = [
        _Comparison(cell, source, estimate, measured[cell])
        for cell, sources in sorted(stored.items())
        for source, estimate in sources.items()
        if cell in measured
    ]
    if not comparisons:
        raise InputError(f"{expected.experiment}: no cell has both a result and an expected value; run it first")
    rows, z = _judge(comparisons, expected.tolerance)
    rows += [
        Row(cell, source, estimate.summary, None, "missing")
        for cell, sources in stored.items()
        if cell not in measured
        for source, estimate in sources.items()
    ]
    rows += [Row(cell, None, None, measured[cell].summary, "unexpected") for cell in measured.keys() - stored.keys()]
    rows.sort(key=lambda row: (row.cell, row.source or ""))
    judged = claims(samples, expected.tolerance)
    ours = {cell: sources[MEASURED] for cell, sources in stored.items() if MEASURED in sources}
    return CheckOutcome(
        expected.experiment,
        expected.metric,
        expected.tolerance,
        tuple(rows),
        tuple(_shifts(comparisons, z, expected.tolerance)),
        judged,
        changes(judged, expected.claims, same_results=measured == ours),
        tuple(_warnings(expected, comparisons)),
    )


def _judge(comparisons: Sequence[_Comparison], tolerance: float) -> tuple[list[Row], Array]:
    """The row of each comparison, and its difference as a normal deviate [comparisons]."""
    welch = differences([c.expected.summary for c in comparisons], [c.measured.summary for c in comparisons])
    adjusted = _adjusted(welch.p)
    rows = []
    for index, comparison in enumerate(comparisons):
        difference, p = float(welch.difference[index]), float(adjusted[index])
        interval = float(welch.low[index]), float(welch.high[index])
        if comparison.expected == comparison.measured or _within(tolerance, *interval):
            verdict: Verdict = "reproduced"
        elif _within(tolerance, difference):
            verdict = "consistent"
        elif p < FAMILY_LEVEL or _edited(comparison.expected):
            verdict = "deviates"  # the spread of values that do not give the stored mean excuses nothing
        else:
            verdict = "inconclusive"
        summaries = comparison.expected.summary, comparison.measured.summary
        p_value = float(welch.p[index])
        rows.append(Row(comparison.cell, comparison.source, *summaries, verdict, difference, interval, p_value, p))
    return rows, welch.z


def _shifts(comparisons: Sequence[_Comparison], z: Array, tolerance: float) -> list[Shift]:
    """Whether each criterion moved, over all its cells; a criterion of one cell is judged with the cells."""
    found: list[Shift] = []
    for source in dict.fromkeys(c.source for c in comparisons):
        chosen = [index for index, c in enumerate(comparisons) if c.source == source and _can_pool(c)]
        found += _shifts_from(source, [comparisons[index] for index in chosen], z[chosen])
    adjusted = _adjusted(np.array([shift.p for shift in found]))
    return [
        replace(shift, p_adjusted=p, deviates=p < FAMILY_LEVEL and not _within(tolerance, shift.difference))
        for shift, p in zip(found, adjusted.tolist(), strict=True)
    ]


def _shifts_from(source: str, comparisons: Sequence[_Comparison], z: Array) -> list[Shift]:
    """Each criterion against one source, before Holm's correction."""
    criteria = np.array([c.cell.criterion for c in comparisons])
    groups = [group for name in np.unique(criteria) if len(group := np.flatnonzero(criteria == name)) > 1]
    if not groups:
        return []
    sides = [seed_residuals([getattr(c, side).values for c in comparisons]) for side in ("expected", "measured")]
    dof = sum(max(side.shape[1] - 1, 0) for side in sides)  # a source without seeds has no columns
    p = moved(z, groups, seed_correlation(np.hstack(sides), groups), dof)
    moves = np.array([c.measured.mean - c.expected.mean for c in comparisons])
    return [
        Shift(str(criteria[group[0]]), source, len(group), float(moves[group].mean()), float(value), 1.0, False)
        for group, value in zip(groups, p, strict=True)
    ]


def _can_pool(comparison: _Comparison) -> bool:
    return min(comparison.expected.n, comparison.measured.n) >= SEEDS_TO_POOL


def _adjusted(p: Array) -> Array:
    # Twice, because cells and criteria are two families that each have half of FAMILY_LEVEL: few criteria would
    # otherwise pay for many cells.
    return np.minimum(2 * holm(p), 1)


def _within(tolerance: float, *points: float) -> bool:
    # The slack keeps floating-point rounding from deciding about a difference of exactly the tolerance.
    return all(abs(point) <= tolerance + 1e-9 for point in points)


def _warnings(expected: Expected, comparisons: Sequence[_Comparison]) -> list[str]:
    """What a reader should know before trusting the verdicts."""
    found = []
    for stored in expected.cells:
        for source, estimate in stored.estimates.items():
            if _edited(estimate):
                found.append(
                    f"{stored.cell} ({source}): the stored mean, std and n are not those of the stored values, which "
                    f"give {_show(Estimate.of(estimate.values).summary)}; compared is {_show(estimate.summary)}"
                )
    if all(c.expected.std is None and c.measured.std is None for c in comparisons):
        found.append("one seed per cell on both sides: no spread is known, so no difference can be judged")
    elif not all(map(_can_pool, comparisons)):
        found.append(
            f"some cells have fewer than {SEEDS_TO_POOL} seeds on a side and are left out where a criterion is judged "
            "over all its cells"
        )
    return found


def _edited(stored: Estimate) -> bool:
    """Whether mean, std and n are not those of the seeds' values beside them."""
    return bool(stored.values) and _disagree(stored, Estimate.of(stored.values))


def _disagree(stored: Estimate, computed: Estimate) -> bool:
    # Values may have been printed with two decimals, and so may their mean.
    close = math.isclose(stored.mean, computed.mean, abs_tol=0.011) and math.isclose(
        stored.std or 0, computed.std or 0, abs_tol=0.011
    )
    return stored.n != computed.n or not close


def render(outcome: CheckOutcome) -> str:
    """The outcome as plain text: a line per cell for each source, warnings, counts, and last what deviates."""
    parts = [
        f"{outcome.experiment}: {outcome.metric} in percent, mean ± standard deviation over n seeds;\n"
        f"difference = measured - expected in points, ± its {CONFIDENCE:.0%} interval; "
        f"tolerance {outcome.tolerance:g} points;\n"
        "p = probability of such a difference by chance, after Holm's correction"
    ]
    sources = sorted({row.source or "" for row in outcome.rows})
    for source in [*filter(None, sources), *({""} & set(sources))]:
        heading = f"against {source!r}" if source else "without an expected value"
        parts.append(f"{heading}\n{_table([row for row in outcome.rows if (row.source or '') == source])}")
    if outcome.claims:
        parts.append(f"claims of the paper, effects in points\n{render_claims(outcome.claims)}")
    parts += [textwrap.fill(f"warning: {warning}", WIDTH) for warning in outcome.warnings]
    counts = Counter(row.verdict for row in outcome.rows)
    found = ", ".join(f"{counts[verdict]} {verdict}" for verdict in reversed(get_args(Verdict)) if counts[verdict])
    parts.append("\n".join([f"{outcome.overall}: {found}", *_deviating(outcome)]))
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[Row]) -> str:
    columns = [
        _column("expected", [row.expected for row in rows]),
        _column("measured", [row.measured for row in rows]),
        ["difference", *map(_difference, rows)],
        ["verdict", *(row.verdict for row in rows)],
    ]
    taken = sum(2 + max(len(line) for text in column for line in text.splitlines()) for column in columns)
    headers, *body = zip(["cell", *(str(row.cell) for row in rows)], *columns, strict=True)
    return tabulate(body, headers, tablefmt="simple", disable_numparse=True, maxcolwidths=[max(WIDTH - taken, 20)])


def _column(name: str, summaries: Sequence[Summary | None]) -> list[str]:
    """Heading and texts of a column; n is in the heading where it is the same everywhere."""
    counts = {summary.n for summary in summaries if summary is not None}
    heading = f"{name}\nn = {counts.pop()}" if len(counts) == 1 else name
    return [heading, *(_show(summary, with_n=heading == name) for summary in summaries)]


def _difference(row: Row) -> str:
    if row.difference is None or row.interval is None:
        return "-"
    margin = row.interval[1] - row.difference
    return f"{row.difference:+.2f} ± {f'{margin:.2f}' if math.isfinite(margin) else '?'}"


def _deviating(outcome: CheckOutcome) -> list[str]:
    """A line for each cell and each criterion that deviates, and for each claim whose verdict is not the stored one."""
    moves = [
        (str(row.cell), row.source, row.difference, row.p_adjusted) for row in outcome.rows if row.verdict == "deviates"
    ]
    moves += [
        (f"{shift.criterion}, all its {shift.cells} cells", shift.source, shift.difference, shift.p_adjusted)
        for shift in outcome.shifts
        if shift.deviates
    ]
    lines = [
        f"deviates: {what} ({source}): moved by {points:+.2f} points (p = {p:.1g})" for what, source, points, p in moves
    ]
    return lines + [f"{'deviates' if change.deviates else 'changed'}: {change}" for change in outcome.changes]


def _show(summary: Summary | None, *, with_n: bool = True) -> str:
    if summary is None:
        return "-"
    spread = "" if summary.std is None else f" ± {summary.std:.2f}"
    return f"{summary.mean:.2f}{spread}{f' ({summary.n})' if with_n else ''}"


def as_json(outcome: CheckOutcome) -> str:
    """The outcome as JSON; an interval without an end has null there."""

    def finite(numbers: Mapping[str, float]) -> dict[str, float | None]:
        return {key: number if math.isfinite(number) else None for key, number in numbers.items()}

    judged = [{**asdict(each), "effect": each.effect and finite(asdict(each.effect))} for each in outcome.claims]
    rows = [
        {
            **asdict(row),
            "cell": row.cell.to_mapping(),
            "interval": row.interval and [end if math.isfinite(end) else None for end in row.interval],
        }
        for row in outcome.rows
    ]
    told = {"overall": outcome.overall, **asdict(outcome), "rows": rows, "claims": judged}
    return json.dumps(told, indent=2, allow_nan=False)
