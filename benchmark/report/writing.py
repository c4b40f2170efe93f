"""A report as files in a folder."""

from collections.abc import Sequence
from pathlib import Path

from benchmark.experiments.experiment import Experiment
from benchmark.experiments.results import Results, samples
from benchmark.experiments.runs import cells
from benchmark.report.accuracy import accuracy_plot
from benchmark.report.axes import axes
from benchmark.report.contrast import contrast_csv, contrast_plot, contrast_table
from benchmark.report.dense import dense_plot
from benchmark.report.gains import gains_plot
from benchmark.report.jaccard import indices, jaccard_csv, jaccard_plots, jaccard_table
from benchmark.report.look import Plot, image
from benchmark.report.measurements import layers_csv, measurements_csv, measurements_table
from benchmark.report.mest_lambda import lambda_plot
from benchmark.report.page import page
from benchmark.report.ranks import ranks_plot
from benchmark.report.tables import results_csv, results_table
from benchmark.system.files import write_atomically
from benchmark.verdicts.check import CheckOutcome, render
from benchmark.verdicts.claims import ClaimOutcome, render_claims
from benchmark.verdicts.contrasts import Contrast, along_axes
from benchmark.verdicts.expected import Expected


def write_files(
    folder: Path,
    experiment: Experiment,
    results: Results,
    checked: tuple[CheckOutcome, Expected] | None,
    claims: Sequence[ClaimOutcome],
    against: Sequence[Contrast] = (),
) -> None:
    """Tables (text, Markdown, CSV), check and claims (text), figures (PNG, SVG) and the page, each written whole.

    ``checked`` is the check and what it was against; None where no expected values are stored. ``against`` are
    contrasts with other experiments; those within this one are found here. Raises :class:`InputError` for a file that
    cannot be written.
    """
    figures = plots(experiment, results)
    contrasts = [*along_axes(samples(results)), *against]
    write_atomically(folder / "results.txt", results_table(experiment, results))
    write_atomically(folder / "results.md", results_table(experiment, results, "github"))
    write_atomically(folder / "results.csv", results_csv(experiment, results))
    if any(result.outcome.measured for _, result in results):
        write_atomically(folder / "measurements.txt", measurements_table(experiment, results))
        write_atomically(folder / "measurements.md", measurements_table(experiment, results, "github"))
        write_atomically(folder / "measurements.csv", measurements_csv(experiment, results))
        write_atomically(folder / "layers.csv", layers_csv(experiment, results))
    if indices(experiment, results):
        write_atomically(folder / "jaccard.txt", jaccard_table(experiment, results))
        write_atomically(folder / "jaccard.md", jaccard_table(experiment, results, "github"))
        write_atomically(folder / "jaccard.csv", jaccard_csv(experiment, results))
    if checked is not None:
        write_atomically(folder / "check.txt", render(checked[0]))
    if claims:
        write_atomically(folder / "claims.txt", render_claims(claims) + "\n")
    for contrast in contrasts:
        write_atomically(folder / f"{contrast.name}.txt", contrast_table(contrast))
        write_atomically(folder / f"{contrast.name}.md", contrast_table(contrast, "github"))
        write_atomically(folder / f"{contrast.name}.csv", contrast_csv(experiment, contrast))
    for figure in [*figures, *map(contrast_plot, contrasts)]:
        write_atomically(folder / f"{figure.name}.png", image(figure.draw, "png"))
        write_atomically(folder / f"{figure.name}.svg", image(figure.draw, "svg"))
    write_atomically(folder / "index.html", page(experiment, results, figures, checked, claims, contrasts))


def plots(experiment: Experiment, results: Results) -> list[Plot]:
    """The figures that there are results for."""
    grid, values = cells(experiment), samples(results)
    along = axes(values)
    found = [
        *jaccard_plots(experiment, results),
        *(accuracy_plot(grid, values, axis) for axis in along),
        lambda_plot(grid, values),
        dense_plot(grid, values),
        gains_plot(grid, values, *along[:1]),
        ranks_plot(grid, values),
    ]
    return [plot for plot in found if plot is not None]
