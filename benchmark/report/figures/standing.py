"""Where criteria stand, as forests: differences to the reference, and ranks, each with its interval."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.figures.differences import difference_axis, is_wide
from benchmark.report.figures.labels import make_room, room_of, short_label, short_labels
from benchmark.report.figures.look import Plot, Theme, figure_of_panels, leftmost, set_panel_title
from benchmark.report.figures.styles import Styles
from benchmark.report.figures.words import seeds_in_words
from benchmark.report.tables import further_settings
from benchmark.system.quantity import quantity
from benchmark.verdicts.newcomers import sentences
from benchmark.verdicts.standing import Standing, StandingRow
from benchmark.verdicts.statistics.places import FEWEST_FOR_PROBABILITIES

MOST = 5
"""Settings of a panel; of more, those at even steps are shown."""
LETTERS = 8
"""Points of the letters of names."""
UNDER_POINTS = 1.9
"""Where a line is drawn that points and intervals (at 2) lie on, and that lies on the grid (at 1.5)."""


@dataclass(frozen=True)
class _Forest:
    """A kind of forest: what it shows of a row, a point and an interval, which may be None, and along which axis."""

    name: str
    """The name of its files."""
    title: str
    label: str
    """Of the axis."""
    point: Callable[[StandingRow], float | None]
    ends: Callable[[StandingRow], tuple[float | None, float | None]]
    axis: Callable[[Axes, Sequence[StandingRow], Theme], None]
    """Sets up the axis of a panel, on which the rows of all panels have room."""


def forest_plot(found: Standing, styles: Styles, mine: Collection[str] = ()) -> Plot | None:
    """The difference of each criterion to the reference in each setting; ``mine`` are drawn bold.

    None where no setting has the two seeds that a difference takes.
    """
    rows = [row for row in found.rows if row.criterion != found.reference and row.difference is not None]
    if not rows:
        return None
    caption = (
        f"Points of accuracy that each criterion is above (right of the line) or below (left) {found.reference} with "
        f"the same {seeds_in_words(row.n for row in rows)}, with the {found.confidence:.0%} interval. "
        f"Between the dotted lines a difference is smaller than {quantity(found.margin, 'point')}, which counts as "
        "none."
    )
    if is_wide(_ends(rows)):
        caption += " The axis is logarithmic beyond one point on either side."

    def axis(ax: Axes, shown: Sequence[StandingRow], theme: Theme) -> None:
        ax.axvline(0, color=theme.faint, linewidth=1, zorder=UNDER_POINTS)
        for edge in (-found.margin, found.margin):
            ax.axvline(edge, color=ax.xaxis.label.get_color(), linewidth=0.7, linestyle=":")
        difference_axis(ax, _ends(shown))

    kind = _Forest(
        "standing-differences",
        f"Difference to {found.reference}",
        f"accuracy minus that of {short_label(found.reference)} [points]",
        lambda row: row.difference,
        lambda row: (row.low, row.high),
        axis,
    )
    return _plot(kind, caption, rows, found, styles, mine)


def rank_plot(found: Standing, styles: Styles, mine: Collection[str] = ()) -> Plot:
    """The rank of each criterion in each setting; ``mine`` are drawn bold."""
    rows = [row for row in found.rows if row.rank_low is not None] or list(found.rows)
    caption = (
        f"Rank of the mean of each criterion over {seeds_in_words(row.n for row in rows)} in each setting, 1 is the "
        "highest"
    )
    if all(row.rank_low is None for row in rows):
        caption += (
            f". Fewer than {FEWEST_FOR_PROBABILITIES} seeds give no interval, so nothing says how sure a rank is."
        )
    else:
        caption += (
            f", with the {found.confidence:.0%} interval of the rank of its true mean. Where intervals overlap widely, "
            "these seeds do not tell the criteria apart."
        )
    if len(rows) < len(found.rows):
        caption += (
            f" Settings whose criteria have fewer than {FEWEST_FOR_PROBABILITIES} seeds in common have no interval, "
            "and are left out."
        )
    most = max(row.contenders for row in rows)

    def axis(ax: Axes, _: Sequence[StandingRow], _theme: Theme) -> None:
        ax.set_xlim(0.5, most + 0.5)
        ax.set_xticks(range(1, most + 1))

    kind = _Forest(
        "standing-ranks",
        "Ranks with their intervals",
        "rank (1 is the best)",
        lambda row: row.rank,
        lambda row: (row.rank_low, row.rank_high),
        axis,
    )
    return _plot(kind, caption, rows, found, styles, mine)


def _plot(
    kind: _Forest,
    caption: str,
    rows: Sequence[StandingRow],
    found: Standing,
    styles: Styles,
    mine: Collection[str],
) -> Plot:
    shown = _chosen(rows)
    if len({row.setting for row in shown}) < len({row.setting for row in rows}):
        caption += " Not all densities are drawn; the file of the data has them all."
    values = [(*_place(row), row.n, kind.point(row), *kind.ends(row)) for row in rows]
    headers = ("criterion", "growth", "density", "further_settings", "n", "value", "low", "high")
    told = Standing(found.reference, found.margin, found.confidence, found.experiments, tuple(_over_all(shown)))
    words = ". ".join(sentences(told)) + "."
    bold = frozenset(mine)
    return Plot(
        kind.name, kind.title, caption, lambda theme: _draw(kind, shown, styles, bold, theme), headers, values, words
    )


def _draw(kind: _Forest, rows: Sequence[StandingRow], styles: Styles, mine: Collection[str], theme: Theme) -> Figure:
    panels = list(dict.fromkeys((row.growth, row.extra) for row in rows))
    settings = list(dict.fromkeys(row.density for row in sorted(rows, key=_by_density)))
    criteria = [name for name in styles if any(row.criterion == name for row in rows)]
    block = len(criteria) + 1.2
    height = 0.2 * block * len(settings)
    labels = list(short_labels(criteria).values())
    figure, axes = figure_of_panels(len(panels), width=4.6, height=height, margin=1.3)
    make_room(figure, labels, LETTERS)
    for ax, (growth, extra) in zip(axes, panels, strict=True):
        for row in rows:
            if (row.growth, row.extra) == (growth, extra):
                y = block * settings.index(row.density) + criteria.index(row.criterion)
                _point(ax, (kind.point(row), *kind.ends(row)), y, styles[row.criterion], row.criterion in mine)
        title = f"{growth} growth" + "".join(f", {name} {value}" for name, value in extra)
        set_panel_title(ax, title, room_of(labels, LETTERS))
        ax.grid(visible=False, axis="y")
        ax.tick_params(axis="y", which="both", length=0)
    places = [block * i + j for i in range(len(settings)) for j in range(len(criteria))]
    axes[0].set_yticks(places, labels * len(settings))
    axes[0].set_ylim(block * len(settings) - 1.0, -1.4)
    for ax in leftmost(axes):
        for label, name in zip(ax.get_yticklabels(), criteria * len(settings), strict=True):
            label.set(color=theme.ink, fontweight="bold" if name in mine else "normal", fontsize=LETTERS)
        for index, density in enumerate(settings):
            name = "all densities" if density is None else f"density {density:g}"
            ax.text(0.01, block * index - 0.75, name, transform=ax.get_yaxis_transform(), weight="bold", fontsize=9)
    for ax in axes:
        kind.axis(ax, rows, theme)
    figure.supxlabel(kind.label, fontsize=11)
    return figure


def _point(
    ax: Axes, values: tuple[float | None, float | None, float | None], y: float, style: dict[str, Any], bold: bool
) -> None:
    point, low, high = values
    if low is not None and high is not None:
        ax.plot([low, high], [y, y], color=style["color"], linewidth=2.8 if bold else 1.3, solid_capstyle="butt")
    if point is not None:
        ax.plot(point, y, marker=style["marker"], color=style["color"], markersize=7.5 if bold else 4.5)


def _chosen(rows: Sequence[StandingRow]) -> list[StandingRow]:
    """The rows of at most :data:`MOST` densities, the mean over all of them first."""
    densities = sorted({row.density for row in rows if row.density is not None})
    if len(densities) >= MOST:
        steps = MOST - 2
        densities = [densities[round(place * (len(densities) - 1) / steps)] for place in range(steps + 1)]
    return [row for row in rows if row.density is None or row.density in densities]


def _over_all(rows: Sequence[StandingRow]) -> list[StandingRow]:
    """The rows over all densities, or all of them where there is one density."""
    return [row for row in rows if row.density is None] or list(rows)


def _by_density(row: StandingRow) -> float:
    return -1.0 if row.density is None else row.density


def _place(row: StandingRow) -> tuple[object, ...]:
    return row.criterion, row.growth or "", row.density or "all", further_settings(row.extra)


def _ends(rows: Sequence[StandingRow]) -> list[float]:
    return [end for row in rows for end in (row.difference, row.low, row.high) if end is not None]
