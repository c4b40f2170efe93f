"""The one figure of the first screen: for somebody's own criterion its differences, else the experiment's first."""

from collections.abc import Iterable

from benchmark.report.figures.look import Plot
from benchmark.report.findings import Findings
from benchmark.report.section import File, Section, embedded, figure_files


def lead_plot(findings: Findings) -> Plot | None:
    """The figure; None if there is nothing to draw."""
    found = findings.standing_plots if findings.own_first else findings.plots
    return found[0] if found else None


def _values(findings: Findings) -> dict[str, object]:
    plot = lead_plot(findings)
    return {"image": embedded(findings, plot) if plot else None}


def _files(findings: Findings) -> Iterable[File]:
    """The files of the figure, unless it is of the standing, whose section writes those of all its figures."""
    plot = None if findings.own_first else lead_plot(findings)
    return figure_files(findings, plot) if plot else ()


SECTION = Section("lead", None, _values, files=_files)
