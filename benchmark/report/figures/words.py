"""What figures show, in words and as rows, for whoever does not see them."""

from collections.abc import Iterable, Sequence
from statistics import fmean, stdev

from benchmark.experiments.cells import Cell
from benchmark.report.tables import further_settings
from benchmark.verdicts.samples import Samples

MOST = 12
"""Panels that a text alternative tells; the file of the figure's data has all."""
ONE_SEED = "1 seed"
CELL_HEADERS = ("criterion", "growth", "density", "further_settings", "n", "mean", "std")


def cell_rows(grid: Sequence[Cell], samples: Samples) -> list[tuple[object, ...]]:
    """A row for each cell with results, under :data:`CELL_HEADERS`, in percent."""
    return [(*place(cell), len(values), *_moments(values)) for cell in grid if (values := list(_values(samples, cell)))]


def place(cell: Cell) -> tuple[object, ...]:
    """The first columns of a cell's row."""
    return cell.criterion, cell.growth or "", cell.density, further_settings(cell.extra)


def ordered_by_mean(grid: Sequence[Cell], samples: Samples) -> str:
    """The criteria of each setting, from the highest mean to the lowest."""
    panels: dict[str, list[tuple[str, float]]] = {}
    for cell in sorted(grid, key=lambda cell: cell.density):
        if values := list(_values(samples, cell)):
            title = ", ".join(
                [
                    f"density {cell.density:g}",
                    *([f"{cell.growth} growth"] if cell.growth else ["no growth"]),
                    *(f"{name} {value}" for name, value in cell.extra),
                ]
            )
            panels.setdefault(title, []).append((cell.criterion, -fmean(values)))
    return in_order(panels.items(), form="{:.1f}%", sign=-1)


def seeds_in_words(counts: Iterable[int]) -> str:
    """How many seeds there are, such as ``1 seed``, ``3 seeds`` or, where that differs, ``3 to 5 seeds``."""
    found = {*counts}
    few, most = min(found), max(found)
    span = f"{few} to {most}" if few < most else f"{most}"
    return f"{span} seed{'s' if most > 1 else ''}"


def seeds_of(samples: Samples) -> str:
    """How many seeds the cells have that have any."""
    return seeds_in_words(len(values) for values in samples.values() if values)


def in_order(panels: Iterable[tuple[str, Sequence[tuple[str, float]]]], form: str = "{:.1f}", sign: int = 1) -> str:
    """Names with their numbers in each panel, the lowest number first; ``sign`` is what is told of a number."""
    told = []
    for title, found in list(panels)[:MOST]:
        names = ", ".join(f"{name} {form.format(sign * value)}" for name, value in sorted(found, key=lambda it: it[1]))
        told.append(f"{title}: {names}.")
    return " ".join(told)


def _values(samples: Samples, cell: Cell) -> Iterable[float]:
    return samples.get(cell, {}).values()


def _moments(values: Sequence[float]) -> tuple[float, float | None]:
    return fmean(values), stdev(values) if len(values) > 1 else None
