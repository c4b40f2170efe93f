"""Critical-difference diagrams: which criteria rank alike over all settings (Demšar, 2006; paper, section 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import scikit_posthocs
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from benchmark.experiments.cells import Cell
from benchmark.report.figures.labels import make_room, short_labels
from benchmark.report.figures.look import Plot, Theme
from benchmark.report.figures.styles import Styles, styles_of
from benchmark.report.figures.words import in_order, seeds_of
from benchmark.system.quantity import quantity
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.statistics.ranks import Ranking, critical_difference, rank

MARGIN = 0.3
"""Ranks between the first or last criterion and its label."""
CAPTION = (
    "Average rank of each criterion over settings (growth, density, and what else varies; in each, rank 1 is the best "
    "mean over {seeds}). "
    "A bar joins criteria whose ranks differ by less than the critical difference (CD) of Nemenyi's test at the level "
    f"{1 - CONFIDENCE:g}: these settings cannot tell them apart."
)


@dataclass(frozen=True)
class Diagram:
    """Criteria ranked over a number of settings."""

    criteria: tuple[str, ...]
    settings: int
    ranking: Ranking


def diagram(cells: Sequence[Cell], samples: Samples) -> Diagram | None:
    """Ranks over the settings in which every criterion has a result.

    None if there are so few settings that they could not show any difference, because the critical difference is not
    below the largest difference that there can be.
    """
    settings: dict[tuple[object, ...], dict[str, float]] = {}
    for cell in cells:
        if values := samples.get(cell):
            settings.setdefault((cell.growth, cell.density, cell.extra), {})[cell.criterion] = fmean(values.values())
    criteria = tuple(dict.fromkeys(cell.criterion for cell in cells))
    complete = [[means[name] for name in criteria] for means in settings.values() if len(means) == len(criteria)]
    if len(criteria) < 3 or not complete or critical_difference(len(criteria), len(complete)) >= len(criteria) - 1:
        return None
    return Diagram(criteria, len(complete), rank(np.array(complete)))


def ranks_plot(grid: Sequence[Cell], samples: Samples) -> Plot | None:
    """One diagram over all settings and one per growth, if it can show something; None if none can."""
    cells = [cell for cell in grid if cell.growth is not None]
    growths = list(dict.fromkeys(cell.growth for cell in cells))
    parts = {f"{growth} growth": [cell for cell in cells if cell.growth == growth] for growth in growths}
    if len(growths) > 1:
        parts = {"all growths": cells, **parts}
    found = {title: ranked for title, part in parts.items() if (ranked := diagram(part, samples)) is not None}
    if not found:
        return None
    styles = styles_of(grid)
    rows = [
        (title, name, each.settings, float(average), each.ranking.critical_difference)
        for title, each in found.items()
        for name, average in zip(each.criteria, each.ranking.average, strict=True)
    ]
    return Plot(
        "ranks",
        "Ranks of the criteria",
        CAPTION.format(seeds=seeds_of({cell: samples.get(cell, {}) for cell in cells})),
        lambda theme: _draw(found, styles, theme),
        ("panel", "criterion", "settings", "average_rank", "critical_difference"),
        rows,
        in_order([(panel, [(name, rank) for title, name, _, rank, _ in rows if title == panel]) for panel in found]),
    )


def _draw(found: dict[str, Diagram], styles: Styles, theme: Theme) -> Figure:
    height = sum(1.3 + 0.25 * len(each.criteria) for each in found.values())
    labels = short_labels(name for each in found.values() for name in each.criteria).values()
    figure = Figure(figsize=(9.0, height))
    make_room(figure, labels, times=2)
    for ax, (title, each) in zip(figure.subplots(len(found), 1, squeeze=False).ravel(), found.items(), strict=True):
        draw_diagram(ax, each, styles, theme)
        p = each.ranking.friedman_p
        shown = f"p = {p:.2g}" if p >= 0.001 else "p < 0.001"
        ax.set_title(f"{title} ({quantity(each.settings, 'setting')}, Friedman {shown})", loc="left")
    return figure


def draw_diagram(ax: Axes, each: Diagram, styles: Styles, theme: Theme) -> None:
    """One diagram, its bars at the confidence that the ranking was made for."""
    labels, ranking = short_labels(each.criteria), each.ranking
    names = list(labels.values())
    artists = scikit_posthocs.critical_difference_diagram(
        dict(zip(names, ranking.average.tolist(), strict=True)),
        DataFrame(ranking.nemenyi_p, index=names, columns=names),
        alpha=1 - ranking.confidence,
        ax=ax,
        label_fmt_left="{label} ({rank:.1f})  ",
        label_fmt_right="  ({rank:.1f}) {label}",
        color_palette={label: styles[name]["color"] for name, label in labels.items()},
        crossbar_props={"color": theme.ink},
        elbow_props={"linewidth": 1.4},
        marker_props={"s": 40},
        text_h_margin=MARGIN,
    )
    for label in artists["labels"]:
        label.set_color(theme.ink)
    for (bar,) in artists[
        "crossbars"
    ]:  # the library draws a bar in the order of a set, which differs between processes
        bar.set_xdata(sorted(bar.get_xdata()))
    # The library would draw the critical difference across the numbers of the axis.
    end = 1 + ranking.critical_difference
    ax.plot([1, end], [1.6, 1.6], color=theme.ink, linewidth=2, marker="|", markersize=8)
    ax.text(end + 0.1, 1.6, f"CD = {ranking.critical_difference:.1f}", va="center")
    ax.set(xlim=(1 - MARGIN, len(names) + MARGIN), ylim=(None, 2.2), xticks=range(1, len(names) + 1))
    ax.spines["top"].set_visible(True)
    ax.spines["top"].set_bounds(1, len(names))
    ax.grid(visible=False)
