"""The section of the leaderboard: every method at every density with its accuracy, its rank and its cost."""

from collections.abc import Iterable

from benchmark.report.findings import Findings
from benchmark.report.leaderboard import READING, engines, headers, machines, markdown, notes, texts
from benchmark.report.section import File, Section, Table, embedded, figure_files


def _values(findings: Findings) -> dict[str, object]:
    found = findings.boards
    trained_on = engines(found)
    plot = findings.leaderboard_plot
    return {
        "tables": {
            f"Density {board.density:g}": (
                Table(headers(trained_on), [texts(entry, trained_on) for entry in board.entries], "", left=1),
                notes(board),
            )
            for board in found
        },
        "reading": f"{READING} {machines(findings.study)}",
        "image": embedded(findings, plot) if plot else None,
    }


def _files(findings: Findings) -> Iterable[File]:
    yield "leaderboard.md", markdown(findings.study, findings.boards)
    if (plot := findings.leaderboard_plot) is not None:
        yield from figure_files(findings, plot)


def _wanted(findings: Findings) -> bool:
    """Whether there are several methods to put in an order: one criterion with two growths is not set beside others."""
    return any(len({entry.cell.criterion for entry in board.entries}) > 1 for board in findings.boards)


SECTION = Section(
    "leaderboard",
    "Leaderboard",
    _values,
    wants=_wanted,
    files=_files,
)
