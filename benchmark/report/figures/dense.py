"""Changing the topology of a dense network, beside dropout and nothing at all (paper, Figure 5)."""

from collections.abc import Sequence
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.experiments.cells import Cell
from benchmark.report.figures.labels import make_room, short_labels
from benchmark.report.figures.look import Plot, Theme
from benchmark.report.figures.styles import Styles, styles_of
from benchmark.report.figures.words import CELL_HEADERS, cell_rows, ordered_by_mean, seeds_of
from benchmark.verdicts.samples import Samples, grain
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.statistics.ordered import LEVEL
from benchmark.verdicts.statistics.paired import mean_of

CAPTION = (
    "Networks that keep all their weights. Each row is one way to train them: a baseline, or a criterion that prunes "
    "and a growth that grows back. Small points are seeds, the large one below is their mean, the bar its "
    f"{CONFIDENCE:.0%} interval. Each row has {{seeds}}."
)
PLAIN = "dense"


def dense_plot(grid: Sequence[Cell], samples: Samples) -> Plot | None:
    """A row per cell of density 1; None if no criterion has a result there, or if there is only one row."""
    shown = [cell for cell in grid if cell.density == 1 and samples.get(cell)]
    if len(shown) < 2 or not any(cell.growth for cell in shown):
        return None
    plain = Cell(PLAIN, None, 1.0) in shown
    caption = CAPTION.format(seeds=seeds_of({cell: samples[cell] for cell in shown})) + (
        " The dashed line is the plain dense network." if plain else ""
    )
    styles = styles_of(grid)
    return Plot(
        "dense",
        "Dense networks",
        caption,
        lambda theme: _draw(shown, samples, styles, theme),
        CELL_HEADERS,
        cell_rows(shown, samples),
        ordered_by_mean(shown, samples),
    )


def _draw(cells: Sequence[Cell], samples: Samples, styles: Styles, theme: Theme) -> Figure:
    labels = list(short_labels(cell.label for cell in cells).values())
    figure = Figure(figsize=(8.0, 0.36 * len(cells) + 1.1))
    make_room(figure, labels)
    ax = figure.subplots()
    step = grain(samples)
    for row, cell in enumerate(cells):
        colour = theme.ink if cell.growth is None else styles[cell.criterion]["color"]
        _row(ax, row, list(samples[cell].values()), step, colour)
        if cell.criterion == PLAIN and not cell.extra:
            ax.axvline(fmean(samples[cell].values()), color=theme.faint, linestyle="--", linewidth=1, zorder=1)
    ax.set_yticks(range(len(cells)), labels)
    ax.set_ylim(len(cells) - 0.5, -0.5)
    ax.set_xlabel("test accuracy [%]")
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    return figure


def _row(ax: Axes, row: int, values: Sequence[float], step: float, colour: str) -> None:
    mean = mean_of(values, step**2 / 12)
    ax.plot(values, [row - 0.24] * len(values), "o", color=colour, markersize=4, alpha=0.45, markeredgewidth=0)
    if mean.dof:
        ax.plot([mean.lower(LEVEL), mean.upper(LEVEL)], [row, row], color=colour, linewidth=2)
    ax.plot(mean.value, row, "o", color=colour, markersize=8)
