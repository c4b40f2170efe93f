"""What lies far below the rest of a figure: it is named at the lower edge, so that the rest can be told apart."""

from collections.abc import Callable, Collection, Iterable, Mapping
from statistics import fmean

from matplotlib.axes import Axes

from benchmark.experiments.cells import Cell
from benchmark.report.figures.labels import short_label
from benchmark.report.figures.look import Theme
from benchmark.verdicts.samples import Samples

FAR = 25.0
"""Points below the best mean of a density beyond which what is drawn for comparison has no line."""
CAPTION = f" Triangles at the lower edge are {{}} more than {FAR:g} points below the best of their density."


def far_below(samples: Samples, candidates: Collection[Cell]) -> dict[Cell, float]:
    """Those of ``candidates`` whose mean is far below the best of their density, with that mean."""
    means = {cell: fmean(values.values()) for cell, values in samples.items() if values}
    best = {density: max(means[cell] for cell in cells) for density, cells in _by_density(means).items()}
    return {cell: mean for cell, mean in means.items() if cell in candidates and mean < best[cell.density] - FAR}


def mark_far_below(ax: Axes, far: Mapping[Cell, float], place: Callable[[Cell], float], theme: Theme) -> None:
    """Draw a triangle at the place of each of ``far``, and name the one of a density, or count several."""
    edge = ax.get_xaxis_transform()
    for cells in _by_density(far).values():
        places, means = [place(cell) for cell in cells], sorted(far[cell] for cell in cells)
        ax.plot(places, [0.02] * len(places), marker="v", color=theme.faint, linestyle="none", transform=edge)
        text = f"{short_label(cells[0].label)}: {means[0]:.1f}%"
        if len(cells) > 1:
            text = f"{len(cells)} methods: {means[0]:.1f} to {means[-1]:.1f}%"
        spot = (max(places), 0.02)
        ax.annotate(text, spot, (6, 3), xycoords=edge, textcoords="offset points", color=theme.faint, fontsize="small")


def _by_density(cells: Iterable[Cell]) -> dict[float, list[Cell]]:
    found: dict[float, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.density, []).append(cell)
    return found
