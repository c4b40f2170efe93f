"""The section of figures, each of which is a module of its own in :mod:`benchmark.report.figures`."""

from collections.abc import Iterable

from benchmark.report.figures.accuracy import accuracy_plot
from benchmark.report.figures.axes import axes
from benchmark.report.figures.dense import dense_plot
from benchmark.report.figures.gains import gains_plot
from benchmark.report.figures.jaccard import jaccard_plots
from benchmark.report.figures.look import Plot
from benchmark.report.figures.mest_lambda import lambda_plot
from benchmark.report.figures.ranks import ranks_plot
from benchmark.report.findings import Findings
from benchmark.report.section import File, Section, embedded, figure_files
from benchmark.verdicts.study import Study


def plots(study: Study) -> list[Plot]:
    """The figures that there are results for, in the order of the page."""
    cells, samples = study.cells, study.samples
    if study.newcomers:  # beside them all that is known of the others
        cells, samples = list(dict.fromkeys([*cells, *study.known])), study.known
    along = axes(samples)
    found = [
        *jaccard_plots(study),
        *(accuracy_plot(cells, samples, axis) for axis in along),
        lambda_plot(cells, samples),
        dense_plot(cells, samples),
        gains_plot(cells, samples, *along[:1]),
        ranks_plot(cells, samples),
    ]
    return [plot for plot in found if plot is not None]


def _below(findings: Findings) -> list[Plot]:
    """The figures without the one that the page begins with."""
    found = plots(findings.study)
    return found if findings.own_first else found[1:]


def _files(findings: Findings) -> Iterable[File]:
    for plot in plots(findings.study):
        yield from figure_files(findings, plot)


SECTION = Section(
    "figures",
    "Figures",
    values=lambda findings: {"images": [embedded(findings, plot) for plot in _below(findings)]},
    wants=lambda findings: bool(plots(findings.study)),
    files=_files,
)
