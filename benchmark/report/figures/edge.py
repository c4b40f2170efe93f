"""What lies far below the rest of a figure: it is named at the lower edge, so that the rest can be told apart."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import fmean

from matplotlib.axes import Axes

from benchmark.experiments.cells import Cell
from benchmark.report.figures.look import Theme
from benchmark.verdicts.samples import Samples

FAR = 25.0
"""Points below the best mean of a density beyond which what is drawn for comparison has no line."""
CAPTION = f" Triangles at the lower edge are {{}} more than {FAR:g} points below the best of their density."


def far_below(samples: Samples, candidates: Collection[Cell]) -> dict[Cell, float]:
    """Those of ``candidates`` whose mean is far below the best of their density, with that mean."""
    means = {cell: fmean(values.values()) for cell, values in samples.items() if values}
    best: dict[float, float] = {}
    for cell, mean in means.items():
        best[cell.density] = max(mean, best.get(cell.density, mean))
    return {cell: mean for cell, mean in means.items() if cell in candidates and mean < best[cell.density] - FAR}


def mark_far_below(ax: Axes, far: Mapping[str, float], places: Sequence[float], theme: Theme) -> None:
    """Draw a triangle at each of ``places``, and name the one method there, or count the several with their means."""
    edge = ax.get_xaxis_transform()
    ax.plot(places, [0.02] * len(places), marker="v", color=theme.faint, linestyle="none", transform=edge)
    low, high = min(far.values()), max(far.values())
    text = f"{len(far)} methods: {low:.1f} to {high:.1f}%" if len(far) > 1 else f"{next(iter(far))}: {low:.1f}%"
    spot = (max(places), 0.02)
    ax.annotate(text, spot, (6, 3), xycoords=edge, textcoords="offset points", color=theme.faint, fontsize="small")


def by_density(cells: Iterable[Cell]) -> dict[float, list[Cell]]:
    """The cells of each density."""
    found: dict[float, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.density, []).append(cell)
    return found
