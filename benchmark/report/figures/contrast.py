"""What one change does, as a forest of differences with their intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.contrast import contrast_sentences, limits, shown_setting, shown_settings, span_of
from benchmark.report.figures.differences import difference_axis, is_wide
from benchmark.report.figures.labels import make_room, room_of, short_labels
from benchmark.report.figures.look import Plot, Theme, set_panel_title
from benchmark.report.figures.styles import Styles
from benchmark.report.figures.words import seeds_in_words
from benchmark.verdicts.contrasts import Contrast
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.statistics.ordered import LEVEL
from benchmark.verdicts.statistics.paired import Mean

AIR = 1.6
"""Rows of a criterion beside those of its settings: one over all of them, and what keeps it apart from the next."""


def contrast_plot(contrast: Contrast, styles: Styles) -> Plot:
    """A panel per growth; in it for each criterion a bold point over all its cells, and below it one for each."""
    caption = (
        f"Points of accuracy that {contrast.first} is above (right of the line) or below (left) {contrast.second}, in "
        f"the mean over runs with the same seed, {seeds_in_words(mean.dof + 1 for mean in contrast.cells.values())} of "
        f"them, with the {CONFIDENCE:.0%} interval, each judged alone."
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
    blocks = {growth: _blocks(contrast, growth) for growth in growths}
    rows = max(found[-1].end for found in blocks.values())
    labels = short_labels(block.criterion for found in blocks.values() for block in found)
    figure = Figure(figsize=(4.6 * max(len(growths), 1.4), 0.19 * rows + 1.3))
    make_room(figure, labels.values(), times=1 + (None in growths and len(growths) > 1))
    axes = figure.subplots(1, len(growths), sharex=True, squeeze=False).ravel()
    several = len(shown_settings(contrast.cells)) > 1
    for ax, growth in zip(axes, growths, strict=True):
        ax.axvline(0, color=theme.faint, linewidth=1)
        for block in blocks[growth]:
            colour = styles[block.criterion]["color"] if block.criterion in styles else theme.ink
            for cell, mean in contrast.cells.items():
                if (cell.criterion, cell.growth) == (block.criterion, growth):
                    _point(ax, mean, block.row(shown_setting(cell)), colour, size=4.0, width=1.0)
            if several and (overall := contrast.overall.get((block.criterion, growth))):
                _point(ax, overall, block.start, colour, size=8.5, width=2.6)
        set_panel_title(ax, "baselines" if growth is None else f"{growth} growth")
        named = growth is None or growth == next((each for each in growths if each is not None), None)
        _name_rows(ax, blocks[growth] if named else [], labels, theme)
        ax.set_ylim(rows - 0.6, -1.0)
    difference_axis(axes[0], _ends(contrast))
    first, second = short_labels((contrast.first, contrast.second)).values()
    label = f"test accuracy with {first} minus {second} [points]"
    if room_of([label]) > figure.get_figwidth():
        label = label.replace(" minus ", "\nminus ")
    figure.supxlabel(label, fontsize=11)
    return figure


@dataclass(frozen=True)
class _Block:
    """The rows of a criterion: one over all its cells and one for each setting that it has, and air."""

    criterion: str
    start: float
    settings: list[str]

    @property
    def end(self) -> float:
        """Where the next block starts."""
        return self.start + len(self.settings) + AIR

    def row(self, setting: str) -> float:
        """Where the row of a setting is."""
        return self.start + 1 + self.settings.index(setting)


def _blocks(contrast: Contrast, growth: str | None) -> list[_Block]:
    """The blocks of a panel: those of all criteria with some growth, whatever it is, or those of the baselines."""
    cells = [cell for cell in contrast.cells if (cell.growth is None) == (growth is None)]
    ordered = shown_settings(contrast.cells)
    found: list[_Block] = []
    for criterion in dict.fromkeys(cell.criterion for cell in cells):
        own = {shown_setting(cell) for cell in cells if cell.criterion == criterion}
        start = found[-1].end if found else 0.0
        found.append(_Block(criterion, start, [setting for setting in ordered if setting in own]))
    return found


def _name_rows(ax: Axes, blocks: Sequence[_Block], labels: Mapping[str, str], theme: Theme) -> None:
    """Name the rows of a panel at its left; no row if there are no ``blocks``, because another panel names them."""
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="y", which="minor", labelsize=8, labelcolor=theme.faint, length=0)
    ax.set_yticks([block.start for block in blocks], [labels[block.criterion] for block in blocks])
    settings = [(block.row(setting), f"density {setting}") for block in blocks for setting in block.settings]
    ax.set_yticks([row for row, _ in settings], [label for _, label in settings], minor=True)


def _point(ax: Axes, mean: Mean, y: float, colour: str, *, size: float, width: float) -> None:
    if mean.dof:
        ax.plot([mean.lower(LEVEL), mean.upper(LEVEL)], [y, y], color=colour, linewidth=width, solid_capstyle="butt")
    ax.plot(mean.value, y, "o", color=colour, markersize=size)


def _ends(contrast: Contrast) -> list[float]:
    """Every difference with the ends of its interval, as far as it has some."""
    means = [*contrast.cells.values(), *contrast.overall.values()]
    return [end for mean in means for end in (mean.value, *(limits(mean) if mean.dof else ()))]
