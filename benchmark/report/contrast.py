"""What one change does, as a forest of differences with their intervals, as a table, and in words."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from tabulate import tabulate

from benchmark.experiments.cells import Cell
from benchmark.experiments.experiment import Experiment
from benchmark.report.look import Plot, Theme, legible, line_style, signed
from benchmark.report.tables import Format, cell_columns, cell_values, csv_text
from benchmark.verdicts.contrasts import Contender, Contrast
from benchmark.verdicts.statistics.differences import CONFIDENCE
from benchmark.verdicts.statistics.holm import holm
from benchmark.verdicts.statistics.ordered import LEVEL
from benchmark.verdicts.statistics.paired import Mean

WIDE = 5.0
"""Points from which on the axis is logarithmic on both sides of one point, so that small differences stay visible."""
TICKS = (0, 1, 10, 0.5, 3, 5, 30, 100)
"""Sizes that such an axis may label, the most wanted first."""
OVERALL = "all"
ALPHA = 1 - CONFIDENCE


def contrast_plot(contrast: Contrast) -> Plot:
    """A panel per growth; in it for each criterion a bold point over all its cells, and below it one for each."""
    caption = (
        f"Points of accuracy that {contrast.first} is above (right of the line) or below (left) {contrast.second}, in "
        f"the mean over runs with the same seed, with the {CONFIDENCE:.0%} interval, each judged alone."
    )
    if len(_settings(contrast.cells)) > 1:
        caption += f" Bold: {_span(contrast).lower()}."
    if _is_wide(contrast):
        caption += " The axis is logarithmic beyond one point on either side."
    title = f"{contrast.first} against {contrast.second}"
    return Plot(contrast.name, title, caption, lambda theme: _draw(contrast, theme))


def contrast_rows(contrast: Contrast) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the table: a row for each criterion with a growth, a column for each density."""
    columns = _settings(contrast.cells)
    by_place = {(cell.criterion, cell.growth, _setting(cell)): mean for cell, mean in contrast.cells.items()}
    rows = [
        [who[0], who[1] or "–", *(_shown(by_place.get((*who, column))) for column in columns), _shown(overall)]
        for who, overall in contrast.overall.items()
    ]
    return ["criterion", "growth", *(f"density {column}" for column in columns), OVERALL], rows


def contrast_table(contrast: Contrast, form: Format = "simple") -> str:
    """The table as text (``simple``) or Markdown (``github``), under what it shows and above what was found."""
    headers, rows = contrast_rows(contrast)
    heading = (
        f"{contrast.first} against {contrast.second} ({'; '.join(contrast.changes)})\n"
        f"difference in points, mean ± half its {CONFIDENCE:.0%} interval, paired by seed"
    )
    table = tabulate(rows, headers, tablefmt=form, disable_numparse=True)
    return "\n\n".join([heading, table, " ".join(contrast_findings(contrast))]) + "\n"


def contrast_csv(experiment: Experiment, contrast: Contrast) -> str:
    """One line per cell and, without a density, one per criterion with a growth; empty ends where one seed ran.

    ``experiment`` is the one that the contrast is in, or its first.
    """
    columns = cell_columns(experiment)
    rows = [[*cell_values(experiment, cell), *_numbers(mean)] for cell, mean in contrast.cells.items()]
    blank = [None] * (len(columns) - 2)
    rows += [[criterion, growth, *blank, *_numbers(mean)] for (criterion, growth), mean in contrast.overall.items()]
    return csv_text([*columns, "seeds", "difference", "low", "high"], rows)


def contrast_findings(contrast: Contrast) -> list[str]:
    """What the change does, in sentences, from the differences over all cells of each criterion with a growth."""
    overall = contrast.overall
    if not any(mean.dof for mean in overall.values()):
        return ["One seed in common: nothing can be told from chance."]
    lower = {who: mean for who, mean in overall.items() if mean.upper(LEVEL) < 0}
    higher = {who: mean for who, mean in overall.items() if mean.lower(LEVEL) > 0}
    rest = [mean for who, mean in overall.items() if who not in lower and who not in higher and mean.dof]
    found = [
        f"{_span(contrast)} {contrast.first} is {word} {contrast.second} for {_listed(group)}."
        for word, group in (("below", lower), ("above", higher))
        if group
    ]
    if rest:
        reach = max(max(abs(mean.lower(LEVEL)), abs(mean.upper(LEVEL))) for mean in rest)
        found.append(
            f"For {len(rest)} of {len(overall)} no difference is told from chance; "
            f"with {CONFIDENCE:.0%} confidence each of them is less than {reach:.1f} points."
        )
    if alone := sum(not mean.dof for mean in overall.values()):
        found.append(f"For {alone} of {len(overall)} there is one seed in common, which tells nothing.")
    if told := len(lower) + len(higher):
        adjusted = holm(np.array([mean.p for mean in overall.values()]))
        kept = int((adjusted < ALPHA).sum())
        found.append(
            f"Judged all together (Holm's correction), {kept} of these {told} differences hold{'s' * (kept == 1)}."
        )
    return found


def _draw(contrast: Contrast, theme: Theme) -> Figure:
    growths = list(dict.fromkeys(growth for _, growth in contrast.overall))
    criteria = list(dict.fromkeys(criterion for criterion, _ in contrast.overall))
    columns = _settings(contrast.cells)
    block = len(columns) + 1.6  # a row over all, a row each, and air
    figure = Figure(figsize=(4.6 * max(len(growths), 1.4), 0.19 * block * len(criteria) + 1.3))
    axes = figure.subplots(1, len(growths), sharex=True, sharey=True, squeeze=False).ravel()
    for ax, growth in zip(axes, growths, strict=True):
        ax.axvline(0, color=theme.faint, linewidth=1)
        for index, criterion in enumerate(criteria):
            colour = line_style(index)["color"]
            here = {
                cell: mean
                for cell, mean in contrast.cells.items()
                if (cell.criterion, cell.growth) == (criterion, growth)
            }
            for cell, mean in here.items():
                _point(ax, mean, block * index + 1 + columns.index(_setting(cell)), colour, size=4.0, width=1.0)
            if (criterion, growth) in contrast.overall and len(columns) > 1:
                _point(ax, contrast.overall[criterion, growth], block * index, colour, size=8.5, width=2.6)
        ax.set_title("baselines" if growth is None else f"{growth} growth", loc="left")
        ax.grid(visible=False, axis="y")
        ax.tick_params(axis="y", length=0)
        ax.tick_params(axis="y", which="minor", labelsize=8, labelcolor=theme.faint, length=0)
    first = axes[0]
    first.set_yticks([block * index for index in range(len(criteria))], criteria)
    minor = [block * index + 1 + row for index in range(len(criteria)) for row in range(len(columns))]
    first.set_yticks(minor, [f"density {column}" for column in columns] * len(criteria), minor=True)
    first.set_ylim(block * len(criteria) - 0.6, -1.0)
    _difference_axis(first, contrast)
    figure.supxlabel(f"test accuracy with {contrast.first} minus {contrast.second} [points]", fontsize=11)
    return figure


def _point(ax: Axes, mean: Mean, y: float, colour: str, *, size: float, width: float) -> None:
    if mean.dof:
        ax.plot([mean.lower(LEVEL), mean.upper(LEVEL)], [y, y], color=colour, linewidth=width, solid_capstyle="butt")
    ax.plot(mean.value, y, "o", color=colour, markersize=size)


def _difference_axis(ax: Axes, contrast: Contrast) -> None:
    ends = [end for mean in _means(contrast) for end in (_ends(mean) if mean.dof else (mean.value, mean.value))]
    if not _is_wide(contrast):
        ax.set_xlim(min([-0.5, *ends]) - 0.1, max([0.5, *ends]) + 0.1)
        return
    low, high = min([-1.0, *ends]) * 1.25, max([1.0, *ends]) * 1.25
    ax.set_xscale("symlog", linthresh=1.0, linscale=0.8)
    ax.set_xlim(low, high)
    place = ax.transAxes.inverted().transform
    wanted = [sign * size for size in TICKS for sign in ((1, -1) if size else (1,)) if low <= sign * size <= high]
    at = {float(place(ax.transData.transform((tick, 0)))[0]): tick for tick in wanted}
    ax.xaxis.set_major_locator(FixedLocator(sorted(at[position] for position in legible(at, 0.09))))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(lambda points, _: signed(points, "g") if points else "0")


def _means(contrast: Contrast) -> list[Mean]:
    return [*contrast.cells.values(), *contrast.overall.values()]


def _is_wide(contrast: Contrast) -> bool:
    return any(abs(end) > WIDE for mean in _means(contrast) for end in (mean.value, *_ends(mean)) if np.isfinite(end))


def _ends(mean: Mean) -> tuple[float, float]:
    return mean.lower(LEVEL), mean.upper(LEVEL)


def _settings(cells: Iterable[Cell]) -> list[str]:
    """What the cells of a criterion with a growth differ in, lowest density first."""
    ordered = sorted(cells, key=lambda cell: (cell.density, cell))
    return list(dict.fromkeys(_setting(cell) for cell in ordered))


def _setting(cell: Cell) -> str:
    return " · ".join([f"{cell.density:g}", *(f"{name} {value}" for name, value in cell.extra)])


def _span(contrast: Contrast) -> str:
    """What the differences are over that stand for a criterion with a growth."""
    if len(columns := _settings(contrast.cells)) == 1:
        return f"At density {columns[0]}"
    return "Over all settings" if any(cell.extra for cell in contrast.cells) else "Over all densities"


def _listed(group: Mapping[Contender, Mean]) -> str:
    """The largest difference first."""
    ordered = sorted(group.items(), key=lambda item: -abs(item[1].value))
    return ", ".join(
        f"{' with '.join(filter(None, [criterion, f'{growth} growth' if growth else None]))} "
        f"({signed(mean.value)}, {signed(mean.lower(LEVEL))} to {signed(mean.upper(LEVEL))})"
        for (criterion, growth), mean in ordered
    )


def _shown(mean: Mean | None) -> str:
    if mean is None:
        return "missing"
    if not mean.dof:
        return f"{signed(mean.value)} (1 seed)"
    return f"{signed(mean.value)} ± {mean.upper(LEVEL) - mean.value:.2f}"


def _numbers(mean: Mean) -> list[float | int | None]:
    return [mean.dof + 1, mean.value, *(_ends(mean) if mean.dof else (None, None))]
