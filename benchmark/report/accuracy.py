"""Accuracy against density, in the paper's manner: a panel per growth, a line per criterion, a band for the spread."""

from collections.abc import Container, Iterable, Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from benchmark.cells import Cell, Samples
from benchmark.report.look import Plot, Theme, legible, line_style, reference_style
from benchmark.statistics.differences import Array

WIDE = 25.0
"""Points between the worst and the best mean from which the axis is stretched towards 100%."""
SURE = 99.99
"""The accuracy in percent at which a stretched axis ends, since that of 100% is at infinity."""
TICKS = (50, 90, 10, 99, 1, 99.9, 0.1, 80, 20, 95, 5, 70, 30, 97, 98, 99.5, 2, 0.5, 99.99)
"""Accuracies in percent that a stretched axis may label, the most wanted first."""
ROUND = ("1.000000", "2.000000", "5.000000")
"""Leading digits of the densities that are labelled first."""
COLUMNS = 2


def accuracy_plot(grid: Sequence[Cell], samples: Samples) -> Plot:
    """The figure of every cell in ``grid`` that has samples; cells without any are counted where they would be."""
    stretched = _is_wide(samples)
    caption = (
        "Each line is a pruning criterion, its band the standard deviation over seeds; points are set a little apart "
        "sideways. Further left, fewer weights are kept. Grey: the same network with a topology that never changes "
        "(static), and with all its weights (dense)."
    )
    if stretched:
        caption += (
            " The accuracy axis is stretched towards 100% (logit scale: equal steps multiply the odds of being right by"
            " the same factor), so that good criteria can be told apart beside bad ones."
        )
    missing = sum(not samples.get(cell) for cell in grid)
    if missing:
        caption += f" {missing} of {len(grid)} cells have no result yet; lines are broken there."

    def draw(theme: Theme) -> Figure:
        return _draw(grid, samples, theme, stretched=stretched)

    return Plot("accuracy", "Accuracy against density", caption, draw)


def _draw(grid: Sequence[Cell], samples: Samples, theme: Theme, *, stretched: bool) -> Figure:
    shown = panels(grid, samples) or {"baselines": []}
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(4.9 * columns, 4.2 * rows + 0.8))
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    criteria = list(dict.fromkeys(cell.criterion for cell in grid if cell.growth is not None))
    references = list(dict.fromkeys(cell.criterion for cell in grid if cell.growth is None))
    densities = sorted({cell.density for cell in grid if cell.density < 1 or cell.growth is not None}) or [1.0]
    for ax, (title, cells) in zip(axes, shown.items(), strict=False):
        for index, name in enumerate(references):
            _reference(ax, [c for c in grid if c.growth is None and c.criterion == name], samples, index, theme)
        for index, name in enumerate(criteria):
            style = {**line_style(index), "zorder": 3, "markeredgecolor": theme.paper, "markeredgewidth": 0.6}
            shift = _sideways(index, len(criteria), densities)
            _line(ax, name, [c for c in cells if c.criterion == name], samples, style, shift)
        _density_axis(ax, densities)
        _note_missing(ax, cells, samples, theme)
        ax.set_title(title, loc="left")
        ax.set_xlabel("density (fraction of weights kept, log scale)")
    for ax in axes[len(shown) :]:
        ax.remove()
    _accuracy_axis(axes[0], samples, stretched=stretched)
    for ax in axes[: len(shown) : columns]:
        ax.set_ylabel("test accuracy [%]")
    entries = {label: handle for ax in axes[: len(shown)] for handle, label in zip(*_legend(ax), strict=True)}
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=2 * columns)
    return figure


def panels(grid: Iterable[Cell], found: Container[Cell]) -> dict[str, list[Cell]]:
    """The cells of each panel by its title; what none of its cells is ``found`` of gets no panel."""
    titled: dict[str, list[Cell]] = {}
    for cell in grid:
        if cell.growth is not None:
            title = " · ".join([f"{cell.growth} growth", *(f"{name} {value}" for name, value in cell.extra)])
            titled.setdefault(title, []).append(cell)
    return {title: cells for title, cells in titled.items() if any(cell in found for cell in cells)}


def _line(
    ax: Axes, label: str, cells: Sequence[Cell], samples: Samples, style: dict[str, Any], shift: float = 1.0
) -> None:
    """A criterion or baseline over density times ``shift``; NaN where a cell is missing breaks the line there."""
    ordered = sorted(cells, key=lambda cell: cell.density)
    means, spreads = _columns(ordered, samples)
    if np.isnan(means).all():
        return
    densities = [cell.density * shift for cell in ordered]
    ax.plot(densities, means, label=label, **style)
    low, high = np.maximum(means - spreads, 100 - SURE), np.minimum(means + spreads, SURE)
    ax.fill_between(densities, low, high, color=style["color"], alpha=0.13, linewidth=0)


def _sideways(index: int, lines: int, densities: Sequence[float]) -> float:
    """A factor close to 1 that sets the points of a line apart from those of the others at the same density."""
    steps = np.diff(np.log(densities))
    room = 0.5 * min(steps.min(), 0.08 * steps.sum()) if len(steps) else 0.05
    return float(np.exp(room * ((index + 0.5) / lines - 0.5)))


def _reference(ax: Axes, cells: Sequence[Cell], samples: Samples, index: int, theme: Theme) -> None:
    """A baseline: a line over density, or, where it has but one, right across the panel."""
    if len({cell.density for cell in cells}) > 1:
        style = {**reference_style(index, theme), "marker": ".", "zorder": 2}
        _line(ax, cells[0].criterion, cells, samples, style)
        return
    means, spreads = _columns(cells, samples)
    if not np.isnan(means).all():
        ax.axhline(means[0], label=cells[0].criterion, **reference_style(index, theme))
        ax.axhspan(means[0] - spreads[0], min(means[0] + spreads[0], SURE), color=theme.faint, alpha=0.13, linewidth=0)


def _columns(cells: Sequence[Cell], samples: Samples) -> tuple[Array, Array]:
    """Mean and standard deviation of each cell, each [cells]: NaN where missing, no spread for one seed."""
    values = [list(samples.get(cell, {}).values()) for cell in cells]
    means = [fmean(v) if v else np.nan for v in values]
    return np.array(means), np.array([stdev(v) if len(v) > 1 else 0.0 for v in values])


def _density_axis(ax: Axes, densities: Sequence[float]) -> None:
    ax.set_xscale("log")
    low, high = np.log10(min(densities)), np.log10(max(densities))
    margin = 0.06 * (high - low) or 0.1
    ax.set_xlim(10 ** (low - margin), 10 ** (high + margin))
    wanted = sorted(densities, key=lambda density: (f"{density:e}"[:8] not in ROUND, density))
    labelled = legible([float(np.log10(density)) for density in wanted], 0.075 * (high - low + 2 * margin))
    ax.xaxis.set_major_locator(FixedLocator([10**x for x in labelled]))
    ax.xaxis.set_minor_locator(FixedLocator(densities))
    ax.xaxis.set_major_formatter(lambda density, _: f"{density:.3g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(labelbottom=True, labelleft=True)


def _accuracy_axis(ax: Axes, samples: Samples, *, stretched: bool) -> None:
    """The shared accuracy axis: every mean is on it, and every band as far as it is not far outside."""
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


def _is_wide(samples: Samples) -> bool:
    means = [fmean(values.values()) for values in samples.values() if values]
    return max(means) - min(means) > WIDE


def _logit(percent: Array) -> Array:
    fraction = np.clip(np.asarray(percent, dtype=np.float64), 100 - SURE, SURE) / 100
    return np.asarray(np.log(fraction / (1 - fraction)))


def _percent(logit: Array) -> Array:
    return np.asarray(100 / (1 + np.exp(-np.asarray(logit, dtype=np.float64))))


def _note_missing(ax: Axes, cells: Sequence[Cell], samples: Samples, theme: Theme) -> None:
    """At each density, how many lines have no point there."""
    for density in sorted({cell.density for cell in cells}):
        count = sum(not samples.get(cell) for cell in cells if cell.density == density)
        if count:
            text = f"{count} missing"
            place = ax.get_xaxis_transform()
            ax.text(density, 0.02, text, transform=place, rotation=90, ha="center", va="bottom", color=theme.faint)


def _legend(ax: Axes) -> tuple[list[Any], list[str]]:
    handles, labels = ax.get_legend_handles_labels()
    return handles, [str(label) for label in labels]
