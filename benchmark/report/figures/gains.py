"""What pruning and growing gains over a topology that never changes, as a map of points with their numbers."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, SymLogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmark.experiments.cells import Cell
from benchmark.report.figures.axes import DENSITY, Axis, panels, placed, places
from benchmark.report.figures.labels import make_room, room_of, short_labels
from benchmark.report.figures.look import DARK, INK_ON_COLOUR, Plot, Theme, set_panel_title
from benchmark.report.figures.words import in_order, place, seeds_in_words
from benchmark.report.numbers import signed
from benchmark.verdicts.samples import Samples, over_baseline
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.statistics.ordered import LEVEL
from benchmark.verdicts.statistics.paired import Mean

REFERENCE = "static"
MAP = LinearSegmentedColormap.from_list("gains", ["#D55E00", "#f7f7f7", "#0072B2"])
"""From worse to better: orange and blue are apart for every kind of colour vision."""
CAPTION = (
    "Points of accuracy that each criterion (row) gains at each {axis} (column) over the static network of the same "
    "density: the mean of the differences between runs with the same seed{interval}. Blue is better than static, "
    "orange worse{bold}. Each cell has {seeds}."
)
INTERVAL = f", below it its {CONFIDENCE:.0%} interval"
BOLD = "; bold if the interval excludes 0, each cell judged alone"


def gains_plot(grid: Sequence[Cell], samples: Samples, axis: Axis = DENSITY) -> Plot | None:
    """The figure, its columns along ``axis``; None if no criterion has a static network to compare with."""
    found = over_baseline([cell for cell in grid if cell.growth is not None], samples, REFERENCE)
    if not found:
        return None
    intervals = any(mean.dof for mean in found.values())  # a single seed has none
    caption = CAPTION.format(
        axis=axis.title,
        interval=INTERVAL * intervals,
        bold=BOLD * intervals,
        seeds=seeds_in_words(mean.dof + 1 for mean in found.values()),
    )
    shown = panels(axis, grid, {cell: samples[cell] for cell in found})
    return Plot(
        "gains",
        "Gain over the static network",
        caption,
        lambda theme: _draw(shown, found, axis, theme),
        ("criterion", "growth", "density", "further_settings", "seeds", "gain", "low", "high"),
        [
            (*place(cell), mean.dof + 1, mean.value, *((mean.lower(LEVEL), mean.upper(LEVEL)) if mean.dof else ()))
            for cell, mean in found.items()
        ],
        _words(shown, found),
    )


def _words(shown: dict[str, list[Cell]], found: dict[Cell, Mean]) -> str:
    panels = {
        f"Gain over static, {title}": [
            (f"{cell.criterion} at {cell.density:g}", -found[cell].value) for cell in cells if cell in found
        ]
        for title, cells in shown.items()
    }
    return in_order(panels.items(), "{:+.1f}", sign=-1)


def _draw(shown: dict[str, list[Cell]], found: dict[Cell, Mean], axis: Axis, theme: Theme) -> Figure:
    criteria = list(dict.fromkeys(cell.criterion for cells in shown.values() for cell in cells))
    values = places(axis, [cell for cells in shown.values() for cell in cells])
    labels = short_labels(criteria)
    wide = 0.85 * len(values) * len(shown) + 2.5
    columns = len(shown) if wide < 14 else 1
    rows = -(-len(shown) // columns)
    size = (0.85 * max(len(values), 2) * columns + 2.5, (0.52 * len(criteria) + 1.0) * rows)
    figure = Figure(figsize=size)
    make_room(figure, labels.values())
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    largest = max(abs(gain.value) for gain in found.values())
    norm = SymLogNorm(linthresh=1.0, vmin=-max(largest, 1.0), vmax=max(largest, 1.0))
    for ax, (title, cells) in zip(axes, shown.items(), strict=True):
        for value, cell in placed(axis, cells):
            _tile(ax, values.index(value), criteria.index(cell.criterion), found.get(cell), norm, theme)
        set_panel_title(ax, title, room_of(labels.values()))
        ax.set_xlabel(axis.title)
        ax.set_xticks(range(len(values)), [f"{value:g}" for value in values])
        ax.set_yticks(range(len(criteria)), list(labels.values()))
        ax.set(xlim=(-0.5, len(values) - 0.5), ylim=(len(criteria) - 0.5, -0.5))
        ax.grid(visible=False)
        ax.tick_params(length=0, labelbottom=True)
        ax.spines[:].set_visible(False)
    return figure


def _tile(ax: Axes, x: int, y: int, gain: Mean | None, norm: SymLogNorm, theme: Theme) -> None:
    if gain is None:
        ax.add_patch(
            Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor="none", edgecolor=theme.rule, linestyle="--")
        )
        ax.text(x, y, "missing", ha="center", va="center", fontsize=8, color=theme.faint)
        return
    colour = MAP(float(norm(gain.value)))
    ax.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=colour))
    ink = INK_ON_COLOUR if np.dot(colour[:3], (0.299, 0.587, 0.114)) > 0.5 else DARK.ink
    margin = gain.upper((1 - CONFIDENCE) / 2) - gain.value
    weight = "bold" if abs(gain.value) > margin else "normal"
    lift = 0.14 if gain.dof else 0.0
    ax.text(x, y - lift, signed(gain.value, ".1f"), ha="center", va="center", fontsize=10, color=ink, weight=weight)
    if gain.dof:
        ax.text(x, y + 0.24, f"±{margin:.1f}", ha="center", va="center", fontsize=7.5, color=ink)
