"""The one figure of the first screen: for somebody's own criterion its differences, else the experiment's first."""

from benchmark.report.figures.look import Plot
from benchmark.report.findings import Findings
from benchmark.report.section import Section, embedded


def lead_plot(findings: Findings) -> Plot | None:
    """The figure; None if there is nothing to draw. Its files are written by the section that it is from."""
    found = findings.standing_plots if findings.own_first else findings.plots
    return found[0] if found else None


def _values(findings: Findings) -> dict[str, object]:
    plot = lead_plot(findings)
    return {"image": embedded(findings, plot) if plot else None}


SECTION = Section("lead", None, _values)
