"""Which figures a report shows: of a study's results, and of where its criteria stand."""

from benchmark.report.figures.accuracy import accuracy_plot
from benchmark.report.figures.axes import axes
from benchmark.report.figures.cost import cost_plot
from benchmark.report.figures.dense import dense_plot
from benchmark.report.figures.gains import gains_plot
from benchmark.report.figures.jaccard import jaccard_plots
from benchmark.report.figures.look import Plot
from benchmark.report.figures.mest_lambda import lambda_plot
from benchmark.report.figures.ranks import ranks_plot
from benchmark.report.figures.standing import forest_plot, rank_plot
from benchmark.report.figures.styles import Styles
from benchmark.verdicts.standing import Standing
from benchmark.verdicts.study import Study


def study_plots(study: Study) -> list[Plot]:
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


def standing_plots(study: Study, found: Standing, styles: Styles) -> list[Plot]:
    """The figures of the standing of a study: differences, ranks, and accuracy against cost."""
    mine = study.newcomers
    plots = (forest_plot(found, styles, mine), rank_plot(found, styles, mine), cost_plot(study, styles, mine))
    return [plot for plot in plots if plot is not None]
