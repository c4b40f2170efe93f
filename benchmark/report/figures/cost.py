"""Accuracy against what a training costs: which criterion buys most at which price (a Pareto front)."""

from collections.abc import Collection, Iterable, Sequence
from statistics import fmean

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from benchmark.experiments.cells import Cell
from benchmark.report.figures.accuracy import accuracy_axis, is_wide
from benchmark.report.figures.look import Plot, Theme, figure_of_panels, leftmost, legend_below, set_panel_title
from benchmark.report.figures.styles import Styles
from benchmark.report.figures.words import CELL_HEADERS, in_order, place, seeds_of
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.study import Study

CAPTION = (
    "Mean accuracy of each criterion at each density against the floating-point operations of its training, as a share "
    "of those of the dense network, if zeros cost nothing. The grey line is the Pareto front: no other point is both "
    "cheaper and better. Each point is a mean over {seeds}."
)

TRAINED_HERE = " Only what has been trained here is drawn, because stored values have no cost."

STRETCHED = " The accuracy axis is stretched towards 100% (logit scale)."


def cost_plot(study: Study, styles: Styles, mine: Collection[str] = ()) -> Plot | None:
    """A panel for each growth; None if fewer than two cells with a growth have been measured."""
    found = costs(study)
    if len(found) < 2:
        return None
    rows = [(*place(cell), len(study.by_cell[cell]), accuracy, cost) for cell, (cost, accuracy) in found.items()]
    words = in_order(
        {
            f"On the Pareto front with {growth} growth, by accuracy": [
                (_name(cell), -found[cell][1]) for cell in front([(cell, *found[cell]) for cell in cells])
            ]
            for growth, cells in _by_growth(found).items()
        }.items(),
        "{:.1f}%",
        sign=-1,
    )
    headers = (*CELL_HEADERS[:5], "accuracy", "training_flops_of_dense")
    samples = {cell: study.samples[cell] for cell in found}
    further = ("" if study.is_stored else TRAINED_HERE) + (STRETCHED if is_wide(samples) else "")
    return Plot(
        "cost",
        "Accuracy against the cost of training",
        CAPTION.format(seeds=seeds_of(samples)) + further,
        lambda theme: _draw(found, samples, styles, mine, theme),
        headers,
        rows,
        words,
    )


def costs(study: Study) -> dict[Cell, tuple[float, float]]:
    """Cost, as a share of the dense training, and mean accuracy in percent of each cell with a growth."""
    found = {}
    for cell, results in study.by_cell.items():
        measured = [each.outcome.measured for each in results]
        known = [each.flops.training / each.flops.training_dense for each in measured if each is not None]
        if cell.growth is not None and known:
            found[cell] = fmean(known), fmean(study.samples[cell].values())
    return found


def front(points: Sequence[tuple[Cell, float, float]]) -> list[Cell]:
    """The cells that no other of ``points`` (cell, cost, accuracy) beats in accuracy at their cost or below it."""
    kept: list[Cell] = []
    best = float("-inf")
    for cell, _, accuracy in sorted(points, key=lambda point: (point[1], -point[2])):
        if accuracy > best:
            kept.append(cell)
            best = accuracy
    return kept


def _by_growth(found: Iterable[Cell]) -> dict[str | None, list[Cell]]:
    groups: dict[str | None, list[Cell]] = {}
    for cell in found:
        groups.setdefault(cell.growth, []).append(cell)
    return groups


def _name(cell: Cell) -> str:
    return f"{cell.criterion} at {cell.density:g}"


def _draw(
    found: dict[Cell, tuple[float, float]], samples: Samples, styles: Styles, mine: Collection[str], theme: Theme
) -> Figure:
    growths = _by_growth(found)
    figure, axes = figure_of_panels(len(growths), width=4.9, height=4.0, margin=0.8)
    entries: dict[str, Artist] = {}
    for ax, growth in zip(axes, growths, strict=True):
        here = {cell: at for cell, at in found.items() if cell.growth == growth}
        _front(ax, here, theme)
        for name, style in styles.items():
            points = [at for cell, at in here.items() if cell.criterion == name]
            if points:
                size = 9 if name in mine else 6.5
                drawn = {"color": style["color"], "marker": style["marker"], "markersize": size, "linestyle": "none"}
                (entries[name],) = ax.plot(*zip(*points, strict=True), markeredgecolor=theme.paper, **drawn)
        set_panel_title(ax, f"{growth} growth")
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(ScalarFormatter())
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_xticks(_ticks([cost for cost, _ in here.values()]))
        ax.minorticks_off()
        ax.set_xlabel("training FLOPs, share of dense (log scale)")
        ax.tick_params(labelleft=True)
    accuracy_axis(axes[0], samples, stretched=is_wide(samples))
    for ax in leftmost(axes):
        ax.set_ylabel("test accuracy [%]")
    legend_below(figure, entries, 4)
    return figure


def _front(ax: Axes, here: dict[Cell, tuple[float, float]], theme: Theme) -> None:
    best = [here[cell] for cell in front([(cell, *at) for cell, at in here.items()])]
    ax.step(*zip(*best, strict=True), where="post", color=theme.faint, linewidth=1.2, zorder=1)


def _ticks(costs: Sequence[float]) -> list[float]:
    """Round numbers around the costs."""
    steps = [base * 10.0**power for power in range(-5, 2) for base in (1, 2, 5)]
    low, high = min(costs), max(costs)
    inside = [step for step in steps if low / 1.6 <= step <= high * 1.6]
    return inside or [float(f"{low:.2g}")]
