"""A report as files in a folder."""

from collections.abc import Sequence
from pathlib import Path

from benchmark.check import CheckOutcome, render
from benchmark.claims import ClaimOutcome, render_claims
from benchmark.expected import Expected
from benchmark.experiment import Experiment
from benchmark.files import write_atomically
from benchmark.grid import cells
from benchmark.report.accuracy import accuracy_plot
from benchmark.report.gains import gains_plot
from benchmark.report.look import Plot, image
from benchmark.report.page import page
from benchmark.report.ranks import ranks_plot
from benchmark.report.tables import Results, results_csv, results_table
from benchmark.results import samples


def write_files(
    folder: Path,
    experiment: Experiment,
    results: Results,
    checked: tuple[CheckOutcome, Expected] | None,
    claims: Sequence[ClaimOutcome],
) -> None:
    """Tables (text, Markdown, CSV), check and claims (text), figures (PNG, SVG) and the page, each written whole.

    ``checked`` is the check and what it was against; None where no expected values are stored. Raises
    :class:`InputError` for a file that cannot be written.
    """
    figures = plots(experiment, results)
    write_atomically(folder / "results.txt", results_table(experiment, results))
    write_atomically(folder / "results.md", results_table(experiment, results, "github"))
    write_atomically(folder / "results.csv", results_csv(experiment, results))
    if checked is not None:
        write_atomically(folder / "check.txt", render(checked[0]))
    if claims:
        write_atomically(folder / "claims.txt", render_claims(claims) + "\n")
    for figure in figures:
        write_atomically(folder / f"{figure.name}.png", image(figure.draw, "png"))
        write_atomically(folder / f"{figure.name}.svg", image(figure.draw, "svg"))
    write_atomically(folder / "index.html", page(experiment, results, figures, checked, claims))


def plots(experiment: Experiment, results: Results) -> list[Plot]:
    """The figures that there are results for."""
    grid, values = list(cells(experiment)), samples(results)
    found = [accuracy_plot(grid, values), gains_plot(grid, values), ranks_plot(grid, values)]
    return [plot for plot in found if plot is not None]
