"""Critical-difference diagrams: which criteria rank alike over all settings (Demšar, 2006; paper, section 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import scikit_posthocs
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame
from scipy import stats

from benchmark.cells import Cell, Samples
from benchmark.report.look import Plot, Theme, line_style

LEVEL = 0.05
MARGIN = 0.3
"""Ranks between the first or last criterion and its label."""
CAPTION = (
    "Average rank of each criterion over settings (growth and density; in each, rank 1 is the best mean over seeds). "
    "A bar joins criteria whose ranks differ by less than the critical difference (CD) of Nemenyi's test at the level "
    f"{LEVEL:g}: these settings cannot tell them apart."
)


@dataclass(frozen=True)
class Ranking:
    """Average ranks over settings, and how sure they are."""

    settings: int
    ranks: dict[str, float]
    friedman_p: float
    nemenyi_p: DataFrame
    """[criteria, criteria]."""
    critical_difference: float


def ranking(cells: Sequence[Cell], samples: Samples) -> Ranking | None:
    """Ranks over the settings in which every criterion has a result.

    None where so few settings could not show any difference: the critical difference is not below the largest
    difference that there can be.
    """
    settings: dict[tuple[object, ...], dict[str, float]] = {}
    for cell in cells:
        if values := samples.get(cell):
            settings.setdefault((cell.growth, cell.density, cell.extra), {})[cell.criterion] = fmean(values.values())
    criteria = list(dict.fromkeys(cell.criterion for cell in cells))
    complete = [[means[name] for name in criteria] for means in settings.values() if len(means) == len(criteria)]
    if len(criteria) < 3 or not complete:
        return None
    critical = critical_difference(len(criteria), len(complete))
    if critical >= len(criteria) - 1:
        return None
    table = DataFrame(complete, columns=criteria)
    ranks = stats.rankdata(-table.to_numpy(), axis=1).mean(axis=0)
    friedman = float(stats.friedmanchisquare(*table.to_numpy().T).pvalue)
    pairs = scikit_posthocs.posthoc_nemenyi_friedman(table)
    return Ranking(len(complete), dict(zip(criteria, ranks.tolist(), strict=True)), friedman, pairs, critical)


def critical_difference(criteria: int, settings: int) -> float:
    """The difference of average ranks that Nemenyi's test finds significant (Demšar, 2006, section 3.2.2)."""
    quantile = float(stats.studentized_range.ppf(1 - LEVEL, criteria, np.inf)) / 2**0.5
    return quantile * float(np.sqrt(criteria * (criteria + 1) / (6 * settings)))


def ranks_plot(grid: Sequence[Cell], samples: Samples) -> Plot | None:
    """One diagram over all settings and one per growth, each where it can show something; None where none can."""
    cells = [cell for cell in grid if cell.growth is not None]
    growths = list(dict.fromkeys(cell.growth for cell in cells))
    parts = {"all settings": cells}
    if len(growths) > 1:
        parts |= {f"{growth} growth": [cell for cell in cells if cell.growth == growth] for growth in growths}
    found = {title: ranked for title, part in parts.items() if (ranked := ranking(part, samples)) is not None}
    if not found:
        return None
    criteria = list(dict.fromkeys(cell.criterion for cell in cells))
    return Plot("ranks", "Ranks of the criteria", CAPTION, lambda theme: _draw(found, criteria, theme))


def _draw(found: dict[str, Ranking], criteria: Sequence[str], theme: Theme) -> Figure:
    figure = Figure(figsize=(9.0, (1.3 + 0.25 * len(criteria)) * len(found)))
    for ax, (title, ranked) in zip(figure.subplots(len(found), 1, squeeze=False).ravel(), found.items(), strict=True):
        _diagram(ax, ranked, criteria, theme)
        p = f"p = {ranked.friedman_p:.2g}" if ranked.friedman_p >= 0.001 else "p < 0.001"
        ax.set_title(f"{title} ({ranked.settings} settings, Friedman {p})", loc="left")
    return figure


def _diagram(ax: Axes, ranked: Ranking, criteria: Sequence[str], theme: Theme) -> None:
    styles = {name: line_style(index) for index, name in enumerate(criteria)}
    artists = scikit_posthocs.critical_difference_diagram(
        ranked.ranks,
        ranked.nemenyi_p,
        alpha=LEVEL,
        ax=ax,
        label_fmt_left="{label} ({rank:.1f})  ",
        label_fmt_right="  ({rank:.1f}) {label}",
        color_palette={name: style["color"] for name, style in styles.items()},
        crossbar_props={"color": theme.ink},
        elbow_props={"linewidth": 1.4},
        marker_props={"s": 40},
        text_h_margin=MARGIN,
    )
    for label in artists["labels"]:
        label.set_color(theme.ink)
    # Its own critical difference would be drawn across the numbers of the axis.
    ax.plot([1, 1 + ranked.critical_difference], [1.6, 1.6], color=theme.ink, linewidth=2, marker="|", markersize=8)
    ax.text(1.1 + ranked.critical_difference, 1.6, f"CD = {ranked.critical_difference:.1f}", va="center")
    ax.set(xlim=(1 - MARGIN, len(criteria) + MARGIN), ylim=(None, 2.2), xticks=range(1, len(criteria) + 1))
    ax.spines["top"].set_visible(True)
    ax.spines["top"].set_bounds(1, len(criteria))
    ax.grid(visible=False)
