"""How alike the sets are that criteria would prune: maps of the first update, curves over a training (Figure 6)."""

import textwrap
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmark.report.figures.labels import make_room, short_labels
from benchmark.report.figures.look import DARK, LIGHT, Plot, Theme, legend_below, reference_style
from benchmark.report.figures.styles import Styles, criterion_styles
from benchmark.report.figures.words import CELL_HEADERS, in_order, place, seeds_in_words
from benchmark.report.overlaps import Indices, Moment, Pair, cells_of, compared_criteria, indices
from benchmark.verdicts.study import Study

FLOOR = "random"
"""The criterion that has in common with others only what chance gives."""
COLUMNS = 3
LEAST_WIDTH = 1.9
"""Inches of a map, for the title above it."""
TITLE = 34
"""Letters of a line of a panel's title."""
GAPS = (0, (4, 3))
"""The dashes of every other line, so that a line of equal values can be seen below it."""
DARKENING = ("#8ecbf0", "#0072B2", "#06263a")
"""From little in common to the same set on light paper; on dark paper the more they share, the lighter."""
MEANING = (
    "The Jaccard index of two sets is the size of what they share over the size of what they cover together: 1 for the "
    "same set, 0 for nothing in common. A random set has p / (2 − p) in common with any other, p being the prune "
    "fraction."
)


def jaccard_plots(study: Study) -> list[Plot]:
    """Maps if each training was looked at once, curves if it was looked at more often; none without data."""
    found, criteria = indices(study), compared_criteria(study)
    if not found:
        return []
    seeds = seeds_in_words(len(values) for pairs in found.values() for values in pairs.values())
    steps = {cell: sorted({moment.step for moment in found if moment.cell == cell}) for cell in cells_of(found)}
    if all(len(each) == 1 for each in steps.values()):
        caption = (
            "How alike the sets are that two criteria would prune of the same network at its first topology update, "
            f"over all layers, mean over {seeds}. {MEANING} That is the chance above each column."
        )
        title = "What criteria would prune at the first update"
        return [
            Plot(
                "jaccard-first",
                title,
                caption,
                lambda theme: _maps(criteria, found, theme),
                *_told(found),
                recoloured=False,  # the colours of its maps go from those of the paper to dark or to light
            )
        ]
    asked = study.experiment.measure.jaccard
    panels = _panels(criteria, found, by_fraction=asked is not None and asked.fractions is not None)
    if not panels:
        return []
    caption = (
        "Each panel is a network that is trained with one criterion. Lines show how alike what that criterion prunes "
        "and what another would prune there are, at topology updates in the course of the training, over all layers; "
        f"bands are the standard deviation over {seeds}. {MEANING} It falls along with the prune fraction."
    )
    title = "What other criteria would prune in the course of a training"
    styles = criterion_styles(criteria)
    return [
        Plot("jaccard-training", title, caption, lambda theme: _curves(panels, styles, found, theme), *_told(found))
    ]


def _told(found: Indices) -> tuple[Sequence[str], list[tuple[object, ...]], str]:
    """Headers, rows and words of the figure."""
    rows: list[tuple[object, ...]] = [
        (*place(moment.cell), moment.step, moment.fraction, one, other, len(values), fmean(values))
        for moment, pairs in found.items()
        for (one, other), values in pairs.items()
    ]
    last = {moment.cell: moment for moment in found}
    panels = {
        f"{cell}, step {moment.step}": [(" and ".join(pair), -fmean(v)) for pair, v in found[moment].items()]
        for cell, moment in last.items()
    }
    words = in_order(panels.items(), "{:.2f}", sign=-1)
    return (*CELL_HEADERS[:4], "step", "fraction", "criterion_1", "criterion_2", "n", "jaccard"), rows, words


def _panels(criteria: Sequence[str], found: Indices, *, by_fraction: bool) -> dict[str, list[Moment]]:
    """The moments of each panel of curves by its title.

    A network that is trained with a criterion that is not compared has no panel.
    """
    several = len({(cell.growth, cell.density, cell.extra) for cell in cells_of(found)}) > 1
    panels: dict[str, list[Moment]] = {}
    for moment in found:
        if moment.cell.criterion in criteria:
            title = str(moment.cell) if several else f"trained with {moment.cell.criterion}"
            title += f" · fraction {moment.fraction:g}" if by_fraction else ""
            panels.setdefault(title, []).append(moment)
    return panels


def _maps(criteria: Sequence[str], found: Indices, theme: Theme) -> Figure:
    rows, fractions = cells_of(found), sorted({moment.fraction for moment in found}, reverse=True)
    size = 0.5 * (len(criteria) - 1)
    figure = Figure(figsize=((max(size, LEAST_WIDTH) + 0.15) * len(fractions) + 2.4, (size + 0.15) * len(rows) + 1.9))
    labels = list(short_labels(criteria).values())
    usual = figure.get_figwidth()
    make_room(figure, labels)
    # As much more height: names stand aslant below, and panels whose height is short leave no room at their left.
    figure.set_figheight(figure.get_figheight() + figure.get_figwidth() - usual)
    axes = figure.subplots(len(rows), len(fractions), sharex=True, sharey=True, squeeze=False)
    blues = DARKENING if theme == LIGHT else DARKENING[1::-1]
    colours = LinearSegmentedColormap.from_list("jaccard", [theme.rule, *blues])
    alike = {name: {getattr(cell, name) for cell in rows} for name in ("criterion", "growth", "extra")}
    for line, cell in zip(axes, rows, strict=True):
        named = f"density {cell.density:g}" if all(len(v) == 1 for v in alike.values()) else str(cell)
        for ax, fraction in zip(line, fractions, strict=True):
            pairs = next((p for m, p in found.items() if m.cell == cell and m.fraction == fraction), {})
            _map(ax, criteria, pairs, colours)
        line[0].set_ylabel(named, weight="bold")
    for ax, fraction in zip(axes[0], fractions, strict=True):
        chance = fraction / (2 - fraction)
        ax.set_title(f"prune fraction {fraction:g}\nchance {chance:.2f}", loc="left", fontsize=11)
    return figure


def _map(
    ax: Axes, criteria: Sequence[str], pairs: Mapping[Pair, Sequence[float]], colours: LinearSegmentedColormap
) -> None:
    columns, rows = criteria[:-1], criteria[1:]
    for (one, other), values in pairs.items():
        x, y, mean = columns.index(one), rows.index(other), fmean(values)
        colour = colours(mean)
        ax.add_patch(Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, facecolor=colour))
        ink = (LIGHT if np.dot(colour[:3], (0.299, 0.587, 0.114)) > 0.5 else DARK).ink
        ax.text(x, y, f"{mean:.2f}", ha="center", va="center", fontsize=9, color=ink)
    labels = list(short_labels(criteria).values())
    ax.set_xticks(range(len(columns)), labels[:-1], rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(rows)), labels[1:])
    ax.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5), aspect="equal")
    ax.grid(visible=False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _curves(panels: Mapping[str, Sequence[Moment]], styles: Styles, found: Indices, theme: Theme) -> Figure:
    criteria = list(styles)
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(3.7 * columns, 3.1 * rows + 0.8))
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for ax, (title, moments) in zip(axes, panels.items(), strict=False):
        own = moments[0].cell.criterion
        for other in criteria:
            if other != own:
                style = reference_style(1, theme) if other == FLOOR else dict(styles[other])
                if other != FLOOR and criteria.index(other) % 2:
                    style["linestyle"] = GAPS
                pair = (own, other) if criteria.index(own) < criteria.index(other) else (other, own)
                _curve(
                    ax, other, [moment.step for moment in moments], [found[moment][pair] for moment in moments], style
                )
        ax.set_title("\n".join(textwrap.wrap(title, TITLE)), loc="left", fontsize=11)
        ax.set_xlabel("optimizer step")
        ax.tick_params(labelbottom=True, labelleft=True)
    for ax in axes[len(panels) :]:
        ax.remove()
    for ax in axes[: len(panels) : columns]:
        ax.set_ylabel("Jaccard index")
    axes[0].set_ylim(-0.03, 1.03)
    lines = {line.get_label(): line for ax in axes[: len(panels)] for line in ax.get_lines()}
    shown = [name for name in criteria if name in lines]
    legend_below(figure, {name: lines[name] for name in shown}, 3)
    return figure


def _curve(
    ax: Axes, label: str, steps: Sequence[int], values: Sequence[Sequence[float]], style: dict[str, Any]
) -> None:
    means = np.array([fmean(each) for each in values])
    spreads = np.array([stdev(each) if len(each) > 1 else 0.0 for each in values])
    ax.plot(steps, means, label=label, **{**style, "markersize": 5})
    ax.fill_between(steps, means - spreads, means + spreads, color=style["color"], alpha=0.13, linewidth=0)
