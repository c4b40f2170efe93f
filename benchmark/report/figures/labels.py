"""Names as labels of figures: short enough to be read, told apart, and with the room that they take."""

from collections.abc import Iterable, Iterator

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import TextToPath

MOST = 40
"""Letters of a part of a label, between dots; a longer one has an ellipsis in its middle."""
SEPARATOR = " · "
SIZE = 11.0
"""Points of the letters of most labels."""
AIR = 0.04
"""Air at both sides of a long label, as a share of its width."""
USUAL = 1.8
"""Inches that figures have room for beside their panels, in letters of that size: most names take less."""


def short_labels(names: Iterable[str]) -> dict[str, str]:
    """The label of each name, no two of them the same; what a long one lacks is in its middle, where that can be."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        found[name] = next(label for label in _shortened(name) if label not in found.values())
    return found


def short_label(name: str) -> str:
    """The label of a name that stands alone."""
    return next(_shortened(name))


def room_of(labels: Iterable[str], size: float = SIZE) -> float:
    """Inches that the widest of some labels takes, in letters of ``size`` points; 0 for none."""
    font = FontProperties(size=size)
    widths = (TextToPath().get_text_width_height_descent(label, font, ismath=False)[0] for label in labels)
    return max(widths, default=0.0) / 72


def make_room(figure: Figure, labels: Iterable[str], size: float = SIZE, times: int = 1) -> None:
    """Make a figure wider by what the widest of some labels takes beyond the usual, as many ``times`` as it has them.

    Panels are placed by the letters of one resolution and drawn in others, in which those of a long label take up to a
    few percent more; so it has as much more air.
    """
    width = room_of(labels, size)
    more = width - USUAL * size / SIZE
    if more > 0:
        figure.set_figwidth(figure.get_figwidth() + times * (more + 2 * AIR * width))
        if isinstance(engine := figure.get_layout_engine(), ConstrainedLayoutEngine):
            engine.set(w_pad=AIR * width)


def _shortened(name: str) -> Iterator[str]:
    """A name whose long parts have an ellipsis at their middle, then further and further to their end, and the name."""
    parts = name.split(SEPARATOR)
    if any(len(part) > MOST for part in parts):
        for kept in range(MOST // 2, MOST):
            yield SEPARATOR.join(_cut(part, kept) for part in parts)
    yield name


def _cut(part: str, kept: int) -> str:
    return part if len(part) <= MOST else f"{part[:kept]}…{part[len(part) - (MOST - 1 - kept) :]}"
