"""The look of figures: colours that everyone can tell apart, on light and dark paper, and the same bytes every time."""

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal

from matplotlib import rc_context, style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.figures.labels import SEPARATOR, short_labels

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's palette without black and yellow, which are hard to see on dark and on light paper."""
MARKERS = ("o", "s", "^", "D", "v", "<", "p", ">", "h", "d", "*", "8", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
REFERENCE_DASHES: tuple[Any, ...] = ((0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
REFERENCE_MARKERS = (".", "x", "+", "1")


@dataclass(frozen=True)
class Theme:
    """The colours of paper and ink."""

    ink: str
    faint: str
    """The colour of references, notes and axes, which must be seen, but not first."""
    rule: str
    """The colour of grid lines."""
    paper: str


INK_ON_COLOUR = "#16181c"
"""Dark ink on what is coloured by its value; it is no colour of a theme, because it is the same on every paper."""

LIGHT = Theme(ink="#1a1c20", faint="#62676f", rule="#e3e5e8", paper="#ffffff")
DARK = Theme(ink="#e8eaed", faint="#a3a9b1", rule="#383c42", paper="#1c1e22")

BOLD_LETTER = 0.105
"""Inches that a letter of a panel's title takes, on average."""
MOST_BESIDE = 3
"""Panels that a page shows beside each other with words of a size that can be read."""
LEAST_WIDTH = 7.0
"""Inches of a figure, for the legend below it."""
ROOM_OF_LABELS = 0.75
"""Inches beside a panel for the labels of its axis."""
ROOM_BETWEEN = 0.3
"""Inches between two panels."""
MARGIN = 12
"""Letters that a line of a title has at least."""

Draw = Callable[[Theme], Figure]


@dataclass(frozen=True)
class Plot:
    """A figure that can be drawn on any paper, with its title and its caption."""

    name: str
    """The name of its files."""
    title: str
    caption: str
    draw: Draw
    headers: Sequence[str] = ()
    """The names of what the figure shows, as columns of the file beside it."""
    rows: Sequence[Sequence[object]] = ()
    """Its numbers, a row for each point."""
    alt: str = ""
    """What is to be seen, in words, for whoever does not see it."""
    recoloured: bool = True
    """Whether on dark paper it is the same drawing in the colours of that theme; else it is drawn once more."""


@dataclass(frozen=True)
class Images:
    """A figure drawn for light paper, as PNG and as SVG, and for dark paper as SVG."""

    png: bytes
    svg: bytes
    dark: bytes


def line_style(index: int) -> dict[str, Any]:
    """Colour, marker and dashes of the ``index``-th criterion; the first 24 differ in more than their marker."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "linestyle": DASHES[index // len(COLOURS) % len(DASHES)],
    }


def reference_style(index: int, theme: Theme) -> dict[str, Any]:
    """Colour and dashes of the ``index``-th baseline: no colour and no marker, so that criteria stand out."""
    return {"color": theme.faint, "linestyle": REFERENCE_DASHES[index % len(REFERENCE_DASHES)]}


def reference_marker(index: int) -> str:
    """The marker of the ``index``-th baseline where it is a line with points; with its dashes the first 12 differ."""
    return REFERENCE_MARKERS[index // len(REFERENCE_DASHES) % len(REFERENCE_MARKERS)]


def figure_of_panels(
    count: int, *, width: float, height: float, margin: float, beside: int = MOST_BESIDE
) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels with shared axes: up to ``beside`` in a row, else two, so that words stay legible.

    A panel is ``width`` by ``height`` inches; the figure has ``margin`` inches of height more.
    """
    columns = count if count <= beside else 2
    rows = -(-count // columns)
    figure = Figure(figsize=(max(width * columns, LEAST_WIDTH), height * rows + margin))
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for spare in axes[count:]:
        spare.remove()
    for ax in axes[:count]:
        ax.tick_params(labelbottom=True)
    return figure, list(axes[:count])


def leftmost(axes: Iterable[Axes]) -> list[Axes]:
    """The first panel of each row, which has the labels of the shared axis."""
    return [ax for ax in axes if (place := ax.get_subplotspec()) is not None and place.is_first_col()]


def images(plot: Plot) -> Images:
    """A plot's images, of one drawing where that can be; the same bytes for the same plot.

    Most of a report's time goes into placing what is drawn, so a figure is not made again for every file.
    """
    svg, png = _files(plot.draw, LIGHT, "svg", "png")
    (dark,) = [on_dark_paper(svg)] if plot.recoloured else _files(plot.draw, DARK, "svg")
    return Images(png, svg, dark)


def png(plot: Plot) -> bytes:
    """The image of a plot for light paper alone, as PNG."""
    (found,) = _files(plot.draw, LIGHT, "png")
    return found


def on_dark_paper(svg: bytes) -> bytes:
    """A drawing for light paper in the colours of the dark theme; colours that are of no theme stay."""
    themes = zip(astuple(LIGHT), astuple(DARK), strict=True)
    colours = {light.encode(): dark.encode() for light, dark in themes}
    return re.sub(b"|".join(colours), lambda found: colours[found.group()], svg)


def _files(draw: Draw, theme: Theme, *forms: Literal["png", "svg"]) -> list[bytes]:
    """One figure as the content of files in several forms, without date or random ids."""
    contents = []
    with style.context(["default", _settings(theme)]), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # such as of a letter that the font lacks, which is drawn as a box
        figure = _placed(draw(theme))
        for form in forms:
            contents.append(io.BytesIO())
            metadata = {"Date": None} if form == "svg" else {"Software": None}
            figure.savefig(contents[-1], format=form, metadata=metadata)
    return [content.getvalue() for content in contents]


def _placed(figure: Figure) -> Figure:
    """The figure with its panels placed for good; a figure that has a layout engine is placed anew for every file."""
    if (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)
    with rc_context({"figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)
    return figure


def legend_below(figure: Figure, entries: Mapping[str, Artist], columns: int) -> None:
    """Name lines by their labels below the panels, in as many of ``columns`` as the figure has room for."""
    labels = short_labels(entries).values()
    for number in range(columns, 0, -1):
        legend = figure.legend(entries.values(), labels, loc="outside lower center", ncols=number)
        if number == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


def set_panel_title(ax: Axes, title: str, labels: float = 0.0) -> None:
    """Set the title of a panel at its left, in as many lines as its width needs; parts between dots stay together.

    ``labels`` are the inches that the names at the left of the first panel take.
    """
    place = ax.get_subplotspec()
    columns = place.get_gridspec().ncols if place is not None else 1
    width = ax.figure.bbox.width / ax.figure.dpi
    inches = min(width / columns - ROOM_OF_LABELS, (width - labels) / columns - ROOM_BETWEEN)
    room = max(MARGIN, int(inches / BOLD_LETTER))
    lines = [""]
    for part in title.split(SEPARATOR):
        joined = f"{lines[-1]}{SEPARATOR}{part}" if lines[-1] else part
        lines = [*lines[:-1], joined] if len(joined) <= room else [*filter(None, lines), part]
    ax.set_title("\n".join(each for line in lines for each in textwrap.wrap(line, room) or [""]), loc="left")


def legible(positions: Iterable[float], apart: float) -> list[float]:
    """Those of ``positions``, the most wanted first, that can be labelled ``apart`` from each other; increasing."""
    kept: list[float] = []
    for position in positions:
        if all(abs(position - other) >= apart for other in kept):
            kept.append(position)
    return sorted(kept)


def _settings(theme: Theme) -> dict[str, Any]:
    coloured = ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.labelcolor", "ytick.labelcolor")
    papers = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
    return {
        "savefig.dpi": 200,
        "svg.hashsalt": "dst-bench",
        "font.size": 11,
        "text.parse_math": False,  # names and their parameters are drawn as they are written, dollars too
        "axes.titlesize": 12,
        "axes.titleweight": "bold",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": theme.faint,
        "xtick.color": theme.faint,
        "ytick.color": theme.faint,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": theme.rule,
        "lines.linewidth": 1.8,
        "lines.markersize": 7.5,
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.wspace": 0.05,
        "figure.constrained_layout.hspace": 0.06,
        **dict.fromkeys(coloured, theme.ink),
        **dict.fromkeys(papers, theme.paper),
    }
