"""The figure of a leaderboard: accuracy against density, and against the cost of training with its Pareto front."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from benchmark.experiments.cells import Cell
from benchmark.report.figures.accuracy import accuracy_axis, is_wide, round_first
from benchmark.report.figures.cost import STRETCHED, front
from benchmark.report.figures.edge import CAPTION as EDGE
from benchmark.report.figures.edge import far_below, mark_far_below
from benchmark.report.figures.look import Plot, Theme, legend_below, legible, line_style
from benchmark.report.figures.words import CELL_HEADERS, in_order, place, seeds_of
from benchmark.report.leaderboard import Board, Entry

COLOURED = 6
"""Methods that have a colour and a name, so that a reader can tell them apart."""
STATIC = "static"
"""The method that all others are seen against: it is dotted and has no colour."""
CAPTION = (
    "Every line and every point is a method: a criterion with a growth, or a baseline, in the mean over {seeds}."
    f"{{static}} Coloured are at most {COLOURED} {{of}}: the one with the highest mean of all, then those with the "
    "highest mean at a density, first those that have it at the most densities, then those on the Pareto front of all "
    "points, then the best at the lowest density. The rest are grey.{dense} The front joins the points that none beats "
    "in accuracy at their cost or below it."
)


def leaderboard_plot(boards: Sequence[Board]) -> Plot | None:
    """Both panels; None for fewer than two entries of which something was measured."""
    entries = [entry for board in boards for entry in board.entries if entry.cell.density < 1]
    measured = [entry for entry in entries if entry.flops is not None]
    if len(measured) < 2:
        return None
    dense = next((entry for entry in boards[0].entries if entry.cell.criterion == "dense"), None)
    means = far_below(_samples(entries), [entry.cell for entry in entries])
    near, far = ([entry for entry in entries if (entry.cell in means) is wanted] for wanted in (False, True))
    stretched = is_wide(_samples(near))
    with_static = any(entry.cell.label == STATIC for entry in near)
    caption = CAPTION.format(
        static=" Plain static is dotted." if with_static else "",
        seeds=seeds_of(_samples(entries)),
        of="of the others" if with_static else "of them",
        dense=" The dashed line is the dense network." if dense is not None else "",
    )
    rows = [(*place(entry.cell), len(entry.values), entry.mean, *(entry.flops or ())) for entry in measured]
    best = [(f"density {board.density:g}", [(e.cell.label, -e.mean) for e in _sparse(board)[:5]]) for board in boards]
    flops = ("training_flops", "training_flops_of_dense", "inference_flops", "inference_flops_of_dense")
    return Plot(
        "leaderboard",
        "Every method: accuracy against density and against the cost of training",
        caption + (EDGE.format("methods") if far else "") + (STRETCHED if stretched else ""),
        lambda theme: _draw(near, far, dense, theme, stretched=stretched),
        (*CELL_HEADERS[:5], "accuracy", *flops),
        rows,
        "The best of each density: " + in_order(best, "{:.1f}%", sign=-1),
    )


def chosen(entries: Sequence[Entry]) -> list[str]:
    """The methods that are coloured, the most wanted first.

    The best of all comes first, then the best of each density, that of most densities first, then those of the Pareto
    front, then the best at the lowest density. Static is none of them.
    """
    others = [entry for entry in entries if entry.cell.label != STATIC]
    if not others:
        return []
    by_density: dict[float, list[Entry]] = {}
    for entry in others:
        by_density.setdefault(entry.cell.density, []).append(entry)
    won = Counter(max(group, key=lambda entry: entry.mean).cell.label for group in by_density.values())
    names = [max(others, key=lambda entry: entry.mean).cell.label]
    names += [label for label, _ in won.most_common()]
    names += [cell.label for cell in reversed(_front(entries)) if cell.label != STATIC]
    names += [entry.cell.label for entry in sorted(by_density[min(by_density)], key=lambda entry: -entry.mean)]
    return list(dict.fromkeys(names))[:COLOURED]


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
    named = _named_styles(entries, theme)
    legend: dict[str, Artist] = {}
    for label in [*dict.fromkeys(entry.cell.label for entry in entries if entry.cell.label not in named), *named]:
        own = sorted((entry for entry in entries if entry.cell.label == label), key=lambda entry: entry.cell.density)
        style = named.get(label) or {"color": theme.faint, "alpha": 0.45, "marker": "."}
        heights = [entry.mean for entry in own]
        (line,) = left.plot([entry.cell.density for entry in own], heights, **style)
        legend |= {label: line} if label in named else {}
        style = {**style, "linestyle": "none", "markeredgecolor": theme.paper if label in named else "none"}
        right.plot([_cost(entry) for entry in own], heights, **style)
    if dense is not None:
        for ax in (right, left):
            legend["dense"] = ax.axhline(dense.mean, color=theme.faint, linestyle=(0, (4, 2)))
    points = {entry.cell: (_cost(entry), entry.mean) for entry in entries}
    best = [points[cell] for cell in _front(entries)]
    (legend["Pareto front"],) = right.step(
        *zip(*best, strict=True), where="post", color=theme.ink, linewidth=1.2, zorder=1
    )
    _logarithmic(left, "density (log scale)", sorted({entry.cell.density for entry in entries}))
    _logarithmic(right, "training FLOPs, share of dense (log scale)", [0.02, 0.05, 0.1, 0.2, 0.5, 1])
    accuracy_axis(left, _samples(entries), stretched=stretched)
    costs = {entry.cell: _cost(entry) for entry in far}
    means = {entry.cell: entry.mean for entry in far}
    mark_far_below(left, means, lambda cell: cell.density, theme)
    mark_far_below(right, means, lambda cell: costs[cell], theme)
    left.set_ylabel("test accuracy [%]")
    legend_below(figure, legend, 3)
    return figure


def _named_styles(entries: Sequence[Entry], theme: Theme) -> dict[str, dict[str, Any]]:
    """How each method looks that the legend names: a chosen one in a colour of its own, static dotted in none."""
    found = {label: line_style(index) for index, label in enumerate(chosen(entries))}
    if any(entry.cell.label == STATIC for entry in entries):
        found[STATIC] = {"color": theme.ink, "marker": ".", "linestyle": ":"}
    return found


def _logarithmic(ax: Axes, label: str, ticks: Sequence[float]) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    low, high = ax.get_xlim()
    positions = {math.log(tick): tick for tick in round_first(ticks) if low <= tick <= high}
    ax.set_xticks([positions[position] for position in legible(positions, 0.075 * math.log(high / low))])
    ax.minorticks_off()
    ax.set_xlabel(label)
