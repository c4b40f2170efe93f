"""The section of the standing: where each criterion stands, as a table and as figures; one's own comes first."""

from collections.abc import Iterable

from benchmark.report.findings import Findings
from benchmark.report.numbers import signed
from benchmark.report.section import File, Section, Table, embedded, figure_files
from benchmark.report.tables import csv_text, further_settings
from benchmark.verdicts.newcomers import probability_words
from benchmark.verdicts.standing import Standing, StandingRow

HEADERS = ["criterion", "growth", "density", "mean", "difference", "95% interval", "rank", "improves", "best", "seeds"]
COLUMNS = (
    *("criterion", "growth", "density", "n", "mean", "difference", "low", "high", "p_holm", "p_improves"),
    *("p_equivalent", "rank", "rank_low", "rank_high", "p_best", "dof", "seeds_needed"),
)


def standing_table(found: Standing, rows: Iterable[StandingRow]) -> Table:
    """Rows of a standing as a table of the page."""
    reading = (
        f"Difference to {found.reference} in points, paired by seed. Improves and best are probabilities; the rank has "
        "its 95% interval; seeds is how many would probably decide."
    )
    return Table(HEADERS, [_texts(row) for row in rows], reading, left=3)


def standing_csv(found: Standing) -> str:
    """One line per criterion and setting; a density is empty where all are meant."""
    rows = [
        [*(getattr(row, name) for name in COLUMNS), further_settings(row.extra), "; ".join(row.flags)]
        for row in found.rows
    ]
    return csv_text([*COLUMNS, "further_settings", "remarks"], rows)


def _texts(row: StandingRow) -> list[str]:
    interval = "" if row.low is None or row.high is None else f"{signed(row.low)} to {signed(row.high)}"
    rank = f"{row.rank:g}" + ("" if row.rank_low is None else f" ({row.rank_low}–{row.rank_high})")
    return [
        row.criterion,
        " · ".join([row.growth or "", *(f"{name}={value}" for name, value in row.extra)]),
        "all" if row.density is None else f"{row.density:g}",
        f"{row.mean:.2f}",
        "" if row.difference is None else signed(row.difference),
        interval,
        rank,
        probability_words(row.p_improves),
        probability_words(row.p_best),
        "" if row.seeds_needed is None else str(row.seeds_needed),
    ]


def _values(findings: Findings) -> dict[str, object]:
    found, mine = findings.standing, findings.study.newcomers
    rows = found.rows if found else ()
    return {
        "mine": mine,
        "own": standing_table(found, [row for row in rows if row.criterion in mine]) if found and mine else None,
        "table": standing_table(found, rows) if found else None,
        "images": [embedded(findings, plot) for plot in findings.standing_plots[findings.own_first :]],
    }


def _files(findings: Findings) -> Iterable[File]:
    if findings.standing:
        yield "standing.csv", standing_csv(findings.standing)
    for plot in findings.standing_plots:
        yield from figure_files(findings, plot)


SECTION = Section(
    "standing",
    "Where each criterion stands",
    _values,
    wants=lambda findings: findings.standing is not None,
    files=_files,
)
