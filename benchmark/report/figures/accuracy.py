"""Accuracy against density or another axis, in the paper's manner: a line per criterion, a band for the spread."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from benchmark.experiments.cells import Cell
from benchmark.report.figures.axes import DENSITY, Axis, panels, placed, places, references
from benchmark.report.figures.edge import CAPTION as EDGE
from benchmark.report.figures.edge import far_below, mark_far_below
from benchmark.report.figures.look import (
    Plot,
    Theme,
    figure_of_panels,
    leftmost,
    legend_below,
    legible,
    line_style,
    reference_marker,
    reference_style,
    set_panel_title,
)
from benchmark.report.figures.styles import styles_of
from benchmark.report.figures.words import CELL_HEADERS, ONE_SEED, cell_rows, ordered_by_mean, seeds_of
from benchmark.report.references import reference_words
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.arrays import Array

WIDE = 25.0
"""Points between the worst and the best mean beyond which the axis is stretched towards 100%."""
SURE = 99.99
"""The accuracy in percent at which a stretched axis ends, since that of 100% is at infinity."""
TICKS = (50, 90, 10, 99, 1, 99.9, 0.1, 80, 20, 95, 5, 70, 30, 97, 98, 99.5, 2, 0.5, 99.99, 60, 40)
"""Accuracies in percent that a stretched axis may label, the most wanted first."""
ROUND = ("1.000000", "2.000000", "5.000000")
"""Leading digits of the values that are labelled first."""
COLUMNS = 2
FIRST_BASELINES = ("dense", "static")
"""They are dashed and dotted wherever they are drawn, as in the leaderboard on the same page."""


def accuracy_plot(grid: Sequence[Cell], samples: Samples, axis: Axis = DENSITY) -> Plot:
    """The figure of every cell in ``grid`` that has samples; missing cells are counted at their places."""
    far = far_below(samples, [cell for cell in grid if cell.growth is None]) if axis is DENSITY else {}
    near = {cell: values for cell, values in samples.items() if cell not in far}
    stretched = is_wide(near)
    seeds = seeds_of({cell: samples[cell] for cell in grid if cell in samples})
    band = (
        f"with {seeds} and so without a band" if seeds == ONE_SEED else f"its band the standard deviation over {seeds}"
    )
    caption = f"Each line is a {axis.lines}, {band}; points are set a little apart sideways."
    if axis is DENSITY:
        caption += " Further left, fewer weights are kept."
    if baselines := reference_words(dict.fromkeys(cell.criterion for cell in grid if cell.growth is None)):
        named = (f"{name} ({words})" if words else name for name, words in baselines.items())
        caption += f" Grey: {', '.join(named)}."
    if stretched:
        caption += (
            " The accuracy axis is stretched towards 100% (logit scale: equal steps multiply the odds of being right by"
            " the same factor), so that good criteria can be told apart beside bad ones."
        )
    if far:
        caption += EDGE.format("baselines")
    missing = sum(not samples.get(cell) for cell in grid)
    if missing:
        caption += f" {missing} of {len(grid)} cells have no result yet; lines are broken there."
        if nowhere := _nowhere(grid, samples, axis):
            caption += f" Nothing has been run at {axis.title} {', '.join(f'{place:g}' for place in nowhere)}."

    def draw(theme: Theme) -> Figure:
        figure, axes = _draw(grid, near, axis, theme, stretched=stretched)
        low, high = axes[0].get_xlim()
        shown = {cell: mean for cell, mean in far.items() if low <= cell.density <= high}
        for ax in axes:
            mark_far_below(ax, shown, lambda cell: cell.density, theme)
        return figure

    name = "accuracy" if axis is DENSITY else f"accuracy-against-{axis.name.replace('_', '-')}"
    told = ordered_by_mean(grid, samples)
    return Plot(name, f"Accuracy against {axis.title}", caption, draw, CELL_HEADERS, cell_rows(grid, samples), told)


def _draw(
    grid: Sequence[Cell], samples: Samples, axis: Axis, theme: Theme, *, stretched: bool
) -> tuple[Figure, list[Axes]]:
    """The figure with its panels."""
    shown = panels(axis, grid, samples) or {"baselines": []}
    figure, axes = figure_of_panels(len(shown), width=4.9, height=4.2, margin=0.8, beside=COLUMNS)
    lines = list(dict.fromkeys(axis.line(cell) for cell in grid if cell.growth is not None))
    styles = styles_of(grid)
    baselines = list(dict.fromkeys([*FIRST_BASELINES, *(cell.criterion for cell in grid if cell.growth is None)]))
    scale = _Scale(places(axis, [cell for cells in shown.values() for cell in cells]) or places(axis, grid))
    entries: dict[str, Artist] = {}
    for ax, (title, cells) in zip(axes, shown.items(), strict=True):
        panel = _Panel(ax, axis, samples, scale, entries)
        for name, group in references(axis, cells, grid).items():
            index = baselines.index(name)
            panel.reference(group, reference_style(index, theme), reference_marker(index))
        for index, name in enumerate(lines):
            style = {**(styles.get(name) or line_style(index)), "zorder": 3}
            style |= {"markeredgecolor": theme.paper, "markeredgewidth": 0.6}
            shift = (index + 0.5) / len(lines) - 0.5
            panel.line(name, [cell for cell in cells if axis.line(cell) == name], style, shift)
        _value_axis(ax, scale)
        _note_missing(ax, axis, cells, samples, theme)
        set_panel_title(ax, title)
        ax.set_xlabel(f"{axis.label}, log scale" if scale.logarithmic else axis.label)
    accuracy_axis(axes[0], samples, stretched=stretched)
    for ax in leftmost(axes):
        ax.set_ylabel("test accuracy [%]")
    legend_below(figure, entries, max(2 * min(COLUMNS, len(axes)), 3))
    return figure, axes


@dataclass(frozen=True)
class _Scale:
    """The horizontal axis: its values, increasing; it is logarithmic if all of them are above zero."""

    values: Sequence[float]

    @property
    def logarithmic(self) -> bool:
        return self.values[0] > 0

    def forward(self, values: Iterable[float]) -> Array:
        found = np.array(list(values), dtype=np.float64)
        return np.log(found) if self.logarithmic else found

    def back(self, positions: Array) -> Array:
        return np.exp(positions) if self.logarithmic else positions

    def beside(self, values: Iterable[float], shift: float) -> Array:
        """Spots a little to the side of values, ``shift`` from -0.5 to 0.5, always nearer to them than to others."""
        steps = np.diff(self.forward(self.values))
        room = 0.5 * min(steps.min(), 0.08 * steps.sum()) if len(steps) else 0.05
        return self.back(self.forward(values) + room * shift)


@dataclass(frozen=True)
class _Panel:
    """One panel of the figure, into which lines are drawn."""

    ax: Axes
    axis: Axis
    samples: Samples
    scale: _Scale
    entries: dict[str, Artist]
    """What the legend names; lines add themselves."""

    def line(self, label: str, cells: Sequence[Cell], style: dict[str, Any], shift: float = 0.0) -> None:
        """A criterion or baseline along the axis; NaN for a missing cell breaks the line.

        A point without neighbours has no band to show its spread, and gets a bar.
        """
        known = {place: cell for place, cell in placed(self.axis, cells) if place in self.scale.values}
        ordered = [known[place] for place in sorted(known)]
        means, spreads = _columns(ordered, self.samples)
        if np.isnan(means).all():
            return
        spots = self.scale.beside(sorted(known), shift)
        (self.entries[label],) = self.ax.plot(spots, means, label=label, **style)
        low, high = np.maximum(means - spreads, 100 - SURE), np.minimum(means + spreads, SURE)
        self.ax.fill_between(spots, low, high, color=style["color"], alpha=0.13, linewidth=0)
        gaps = np.isnan(np.concatenate([[np.nan], means, [np.nan]]))
        alone = ~gaps[1:-1] & gaps[:-2] & gaps[2:]
        if alone.any():
            self.ax.vlines(spots[alone], low[alone], high[alone], color=style["color"], linewidth=1.2)

    def reference(self, cells: Sequence[Cell], style: dict[str, Any], marker: str) -> None:
        """A baseline: a line along the axis, or right across the panel if it has only one cell there."""
        if len({self.axis.place(cell) for cell in cells}) > 1:
            self.line(cells[0].criterion, cells, {**style, "marker": marker, "zorder": 2})
            return
        means, spreads = _columns(cells, self.samples)
        if not np.isnan(means).all():
            name = cells[0].criterion
            self.entries[name] = self.ax.axhline(means[0], label=name, **style)
            low, high = means[0] - spreads[0], min(means[0] + spreads[0], SURE)
            self.ax.axhspan(low, high, color=style["color"], alpha=0.13, linewidth=0)


def _columns(cells: Sequence[Cell], samples: Samples) -> tuple[Array, Array]:
    """Mean and standard deviation of each cell, each [cells]: NaN for a missing cell, no spread for one seed."""
    values = [list(samples.get(cell, {}).values()) for cell in cells]
    means = [fmean(v) if v else np.nan for v in values]
    return np.array(means), np.array([stdev(v) if len(v) > 1 else 0.0 for v in values])


def round_first(values: Iterable[float]) -> list[float]:
    """Values in the order in which an axis wants to label them: round ones first."""
    return sorted(values, key=lambda value: (f"{value:e}"[:8] not in ROUND, value))


def _value_axis(ax: Axes, scale: _Scale) -> None:
    ax.set_xscale("log" if scale.logarithmic else "linear")
    low, high = scale.forward([scale.values[0], scale.values[-1]]).tolist()
    margin = 0.06 * (high - low) or 0.2
    ax.set_xlim(*scale.back(np.array([low - margin, high + margin])))
    wanted = round_first(scale.values)
    positions = dict(zip(scale.forward(wanted).tolist(), wanted, strict=True))
    labelled = legible(positions, 0.075 * (high - low + 2 * margin))
    ax.xaxis.set_major_locator(FixedLocator([positions[position] for position in labelled]))
    ax.xaxis.set_minor_locator(FixedLocator(scale.values))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.5g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(labelleft=True)


def accuracy_axis(ax: Axes, samples: Samples, *, stretched: bool) -> None:
    """The shared accuracy axis, which has every mean on it, and bands unless they reach far outside."""
    if not stretched:
        ax.margins(y=0.06)
        ax.autoscale(axis="y")
        return
    ax.set_yscale("function", functions=(_logit, _percent))
    means, spreads = _columns(list(samples), samples)
    low, high = (float(_logit(np.array(end))) for end in (np.nanmin(means), np.nanmax(means + spreads)))
    low, high = low - 0.1 * (high - low), high + 0.05 * (high - low)
    shown = [level for level in _logit(np.array(TICKS)).tolist() if low <= level <= high]
    ticks = [float(_percent(np.array(level))) for level in legible(shown, 0.04 * (high - low))]
    ax.set_ylim(float(_percent(np.array(low))), float(_percent(np.array(high))))
    ax.yaxis.set_major_locator(FixedLocator(ticks))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(lambda percent, _: f"{percent:g}")


def is_wide(samples: Samples) -> bool:
    """Whether means differ so much that the accuracy axis is stretched towards 100%."""
    means = [fmean(values.values()) for values in samples.values() if values]
    return max(means) - min(means) > WIDE


def _logit(percent: Array) -> Array:
    fraction = np.clip(np.asarray(percent, dtype=np.float64), 100 - SURE, SURE) / 100
    return np.asarray(np.log(fraction / (1 - fraction)))


def _percent(logit: Array) -> Array:
    return np.asarray(100 / (1 + np.exp(-np.asarray(logit, dtype=np.float64))))


def _note_missing(ax: Axes, axis: Axis, cells: Sequence[Cell], samples: Samples, theme: Theme) -> None:
    """At each place along the axis, how many lines have no point there; written below the lines, which may pass it."""
    for place in places(axis, cells):
        count = sum(not samples.get(cell) for cell in cells if axis.place(cell) == place)
        if count:
            text, spot = f"{count} missing", ax.get_xaxis_transform()
            written = ax.text(
                place, 0.02, text, transform=spot, rotation=90, ha="center", va="bottom", color=theme.faint, zorder=0.9
            )
            written.set_backgroundcolor(theme.paper)


def _nowhere(grid: Sequence[Cell], samples: Samples, axis: Axis) -> list[float]:
    """Places along the axis at which no criterion has a result; the figure leaves them out."""
    grown = [cell for cell in grid if cell.growth is not None]
    known = set(places(axis, [cell for cell in grown if samples.get(cell)]))
    return [place for place in places(axis, grown) if known and place not in known]
