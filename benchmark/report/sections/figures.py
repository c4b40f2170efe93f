"""The section of figures, each of which is a module of its own in :mod:`benchmark.report.figures`."""

from collections.abc import Iterable

from benchmark.report.figures.look import Plot
from benchmark.report.findings import Findings
from benchmark.report.section import File, Section, embedded, figure_files


def _below(findings: Findings) -> list[Plot]:
    """The figures without the one that the page begins with."""
    return findings.plots if findings.own_first else findings.plots[1:]


def _files(findings: Findings) -> Iterable[File]:
    for plot in _below(findings):
        yield from figure_files(findings, plot)


SECTION = Section(
    "figures",
    "Figures",
    values=lambda findings: {"images": [embedded(findings, plot) for plot in _below(findings)]},
    wants=lambda findings: bool(_below(findings)),
    files=_files,
)
