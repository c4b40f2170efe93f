"""Accuracy against the λ of MEST (paper, Figure 7)."""

from collections.abc import Sequence

from benchmark.experiments.cells import Cell
from benchmark.report.figures.accuracy import accuracy_plot
from benchmark.report.figures.axes import FEWEST, LAMBDA, mest_lambda, places
from benchmark.report.figures.look import Plot
from benchmark.verdicts.samples import Samples


def lambda_plot(grid: Sequence[Cell], samples: Samples) -> Plot | None:
    """A panel per growth, a line per density; None if too few values of λ have a result."""
    mest = [cell for cell in grid if mest_lambda(cell) is not None]
    if len(places(LAMBDA, [cell for cell in mest if samples.get(cell)])) < FEWEST:
        return None
    return accuracy_plot(mest, {cell: samples[cell] for cell in mest if samples.get(cell)}, LAMBDA)
