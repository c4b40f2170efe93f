"""What one change does, as a forest of differences with their intervals."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.contrast import contrast_sentences, limits, shown_setting, shown_settings, span_of
from benchmark.report.figures.differences import difference_axis, is_wide
from benchmark.report.figures.look import Plot, Theme
from benchmark.report.figures.styles import Styles
from benchmark.verdicts.contrasts import Contrast
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.statistics.ordered import LEVEL
from benchmark.verdicts.statistics.paired import Mean


def contrast_plot(contrast: Contrast, styles: Styles) -> Plot:
    """A panel per growth; in it for each criterion a bold point over all its cells, and below it one for each."""
    caption = (
        f"Points of accuracy that {contrast.first} is above (right of the line) or below (left) {contrast.second}, in "
        f"the mean over runs with the same seed, with the {CONFIDENCE:.0%} interval, each judged alone."
    )
    if len(shown_settings(contrast.cells)) > 1:
        caption += f" Bold: {span_of(contrast).lower()}."
    if is_wide(_ends(contrast)):
        caption += " The axis is logarithmic beyond one point on either side."
    title = f"{contrast.first} against {contrast.second}"
    alt = " ".join(contrast_sentences(contrast))
    return Plot(contrast.name, title, caption, lambda theme: _draw(contrast, styles, theme), alt=alt)


def _draw(contrast: Contrast, styles: Styles, theme: Theme) -> Figure:
    growths = list(dict.fromkeys(growth for _, growth in contrast.overall))
    criteria = list(dict.fromkeys(criterion for criterion, _ in contrast.overall))
    columns = shown_settings(contrast.cells)
    block = len(columns) + 1.6  # a row over all, a row each, and air
    figure = Figure(figsize=(4.6 * max(len(growths), 1.4), 0.19 * block * len(criteria) + 1.3))
    axes = figure.subplots(1, len(growths), sharex=True, sharey=True, squeeze=False).ravel()
    for ax, growth in zip(axes, growths, strict=True):
        ax.axvline(0, color=theme.faint, linewidth=1)
        for index, criterion in enumerate(criteria):
            colour = styles[criterion]["color"] if criterion in styles else theme.ink
            here = {
                cell: mean
                for cell, mean in contrast.cells.items()
                if (cell.criterion, cell.growth) == (criterion, growth)
            }
            for cell, mean in here.items():
                _point(ax, mean, block * index + 1 + columns.index(shown_setting(cell)), colour, size=4.0, width=1.0)
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
    difference_axis(first, _ends(contrast))
    figure.supxlabel(f"test accuracy with {contrast.first} minus {contrast.second} [points]", fontsize=11)
    return figure


def _point(ax: Axes, mean: Mean, y: float, colour: str, *, size: float, width: float) -> None:
    if mean.dof:
        ax.plot([mean.lower(LEVEL), mean.upper(LEVEL)], [y, y], color=colour, linewidth=width, solid_capstyle="butt")
    ax.plot(mean.value, y, "o", color=colour, markersize=size)


def _ends(contrast: Contrast) -> list[float]:
    """Every difference with the ends of its interval, as far as it has some."""
    means = [*contrast.cells.values(), *contrast.overall.values()]
    return [end for mean in means for end in (mean.value, *(limits(mean) if mean.dof else ()))]
