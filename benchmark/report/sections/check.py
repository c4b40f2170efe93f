"""The section of the check: every cell against its expected values, with its interval as a drawing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.report.findings import Findings
from benchmark.report.section import File, Section
from benchmark.verdicts.rendering import render
from benchmark.verdicts.value_source import KINDS
from benchmark.verdicts.verdict import MEANINGS, CheckOutcome, CheckRow, Verdict

REACH = 3.0
"""The drawn part of an interval, in tolerances on either side of 0."""


@dataclass(frozen=True)
class Bar:
    """Where a difference and its interval are drawn, in percent of the width."""

    left: float
    width: float
    dot: float
    outside: bool
    """Whether the difference itself is beyond the drawn part."""


def rows_by_source(outcome: CheckOutcome) -> dict[str, list[CheckRow]]:
    """The rows of each source, and last, under an empty name, the cells without an expected value."""
    found: dict[str, list[CheckRow]] = {}
    for row in sorted(outcome.rows, key=lambda row: (row.source is None, row.source or "")):
        found.setdefault(row.source or "", []).append(row)
    return found


def verdict_counts(rows: Iterable[CheckRow]) -> dict[Verdict, int]:
    """The number of cells by verdict, best first."""
    counts = Counter(row.verdict for row in rows)
    return {verdict: counts[verdict] for verdict in MEANINGS if counts[verdict]}


def _values(findings: Findings) -> dict[str, object]:
    outcome = findings.check
    if outcome is None:
        return {}
    return {
        "meanings": {verdict: MEANINGS[verdict] for verdict in verdict_counts(outcome.rows)},
        "kinds": KINDS,
        "reach": f"{REACH:g}",
        "comparisons": {
            source: [(row, _bar(row, outcome.tolerance)) for row in rows]
            for source, rows in rows_by_source(outcome).items()
        },
    }


def _bar(row: CheckRow, tolerance: float) -> Bar | None:
    if row.difference is None or row.interval is None:
        return None

    def place(points: float) -> float:
        return round(50 + 50 * min(max(points / (REACH * tolerance), -1.0), 1.0), 2)

    low, high = map(place, row.interval)
    return Bar(low, round(high - low, 2), place(row.difference), abs(row.difference) > REACH * tolerance)


def _files(findings: Findings) -> Iterable[File]:
    if findings.check is not None:
        yield "check.txt", render(findings.check)


SECTION = Section(
    "check",
    "Check against the expected values",
    _values,
    wants=lambda findings: findings.check is not None,
    files=_files,
)
