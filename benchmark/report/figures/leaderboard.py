"""The figure of a leaderboard: accuracy against density, and against the cost of training with its Pareto front."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmark.experiments.cells import Cell
from benchmark.report.figures.accuracy import accuracy_axis, is_wide, round_first
from benchmark.report.figures.cost import STRETCHED, front
from benchmark.report.figures.edge import CAPTION as EDGE
from benchmark.report.figures.edge import far_below, mark_far_below
from benchmark.report.figures.look import Plot, Theme, legend_below, legible, line_style
from benchmark.report.figures.words import CELL_HEADERS, in_order, place
from benchmark.report.leaderboard import Board, Entry

COLOURED = 6
"""Methods that have a colour and a name, so that a reader can tell them apart."""
CAPTION = (
    "Every line and every point is a method: a criterion with a growth, or a baseline. Coloured are "
    "those that have the highest mean at a density or are on the Pareto front of all points, then the best at the "
    f"lowest density, {COLOURED} of them at most; plain static is dotted where it is one of them, all others are grey. "
    "The dashed line is the dense network. The front joins the points that none beats in accuracy at their cost or "
    "below it."
)


def leaderboard_plot(boards: Sequence[Board]) -> Plot | None:
    """Both panels; None for fewer than two entries of which something was measured."""
    entries = [entry for board in boards for entry in board.entries if entry.cell.density < 1]
    measured = [entry for entry in entries if entry.flops is not None]
    if len(measured) < 2:
        return None
    dense = next((entry for entry in boards[0].entries if str(entry.cell.criterion) == "dense"), None)
    means = far_below(_samples(entries), [entry.cell for entry in entries])
    near, far = ([entry for entry in entries if (entry.cell in means) is wanted] for wanted in (False, True))
    stretched = is_wide(_samples(near))
    rows = [(*place(entry.cell), len(entry.values), entry.mean, *(entry.flops or ())) for entry in measured]
    best = [(f"density {board.density:g}", [(e.cell.label, -e.mean) for e in _sparse(board)[:5]]) for board in boards]
    flops = ("training_flops", "training_flops_of_dense", "inference_flops", "inference_flops_of_dense")
    return Plot(
        "leaderboard",
        "Every method: accuracy against density and against the cost of training",
        CAPTION + (EDGE.format("methods") if far else "") + (STRETCHED if stretched else ""),
        lambda theme: _draw(near, far, dense, theme, stretched=stretched),
        (*CELL_HEADERS[:5], "accuracy", *flops),
        rows,
        "The best of each density: " + in_order(best, "{:.1f}%", sign=-1),
    )


def chosen(entries: Sequence[Entry]) -> list[str]:
    """The methods that are coloured: the best of each density, the front's, the best at the lowest, and static."""
    by_density: dict[float, list[Entry]] = {}
    for entry in entries:
        by_density.setdefault(entry.cell.density, []).append(entry)
    names = [max(group, key=lambda entry: entry.mean).cell.label for group in by_density.values()]
    names += [cell.label for cell in reversed(_front(entries))]
    names += [entry.cell.label for entry in sorted(by_density[min(by_density)], key=lambda entry: -entry.mean)]
    found = list(dict.fromkeys(names))[:COLOURED]
    return found + ["static"] * ("static" not in found and any(e.cell.label == "static" for e in entries))


def _samples(entries: Sequence[Entry]) -> dict[Cell, Mapping[int, float]]:
    return {entry.cell: entry.values for entry in entries}


def _sparse(board: Board) -> list[Entry]:
    return [entry for entry in board.entries if entry.cell.density < 1]


def _cost(entry: Entry) -> float:
    return entry.flops[1] if entry.flops is not None else float("nan")


def _front(entries: Sequence[Entry]) -> list[Cell]:
    return front([(entry.cell, _cost(entry), entry.mean) for entry in entries if entry.flops is not None])


def _draw(
    entries: Sequence[Entry], far: Sequence[Entry], dense: Entry | None, theme: Theme, *, stretched: bool
) -> Figure:
    figure = Figure(figsize=(11, 5.6))
    left, right = figure.subplots(1, 2, sharey=True)
    names = chosen(entries)
    grey = {"color": theme.faint, "alpha": 0.45}
    for label in [*dict.fromkeys(entry.cell.label for entry in entries if entry.cell.label not in names), *names]:
        own = sorted((entry for entry in entries if entry.cell.label == label), key=lambda entry: entry.cell.density)
        style = {**_own_style(names.index(label), theme), "label": label} if label in names else {**grey, "marker": "."}
        left.plot([entry.cell.density for entry in own], [entry.mean for entry in own], **style)
        style = {**style, "linestyle": "none", "markeredgecolor": theme.paper if label in names else "none"}
        right.plot([_cost(entry) for entry in own], [entry.mean for entry in own], **{**style, "label": None})
    points = {entry.cell: (_cost(entry), entry.mean) for entry in entries}
    best = [points[cell] for cell in _front(entries)]
    right.step(*zip(*best, strict=True), where="post", color=theme.ink, linewidth=1.2, zorder=1, label="Pareto front")
    for ax in (left, right):
        if dense is not None:
            ax.axhline(dense.mean, color=theme.faint, linestyle=(0, (4, 2)), label="dense" if ax is left else None)
    _logarithmic(left, "density (log scale)", sorted({entry.cell.density for entry in entries}))
    _logarithmic(right, "training FLOPs, share of dense (log scale)", [0.02, 0.05, 0.1, 0.2, 0.5, 1])
    accuracy_axis(left, _samples(entries), stretched=stretched)
    costs = {entry.cell: _cost(entry) for entry in far}
    means = {entry.cell: entry.mean for entry in far}
    mark_far_below(left, means, lambda cell: cell.density, theme)
    mark_far_below(right, means, lambda cell: costs[cell], theme)
    left.set_ylabel("test accuracy [%]")
    handles = dict(zip(*reversed(left.get_legend_handles_labels()), strict=True))
    handles |= dict(zip(*reversed(right.get_legend_handles_labels()), strict=True))
    legend_below(figure, handles, 3)
    return figure


def _own_style(index: int, theme: Theme) -> dict[str, Any]:
    """How a named method looks: in a colour of its own, and in none where it comes after all that have one."""
    return line_style(index) if index < COLOURED else {"color": theme.ink, "marker": ".", "linestyle": ":"}


def _logarithmic(ax: Axes, label: str, ticks: Sequence[float]) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    low, high = ax.get_xlim()
    positions = {math.log(tick): tick for tick in round_first(ticks) if low <= tick <= high}
    ax.set_xticks([positions[position] for position in legible(positions, 0.075 * math.log(high / low))])
    ax.minorticks_off()
    ax.set_xlabel(label)
