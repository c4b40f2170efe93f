"""The axes that results can be drawn against: density, a setting that varies over numbers, or the λ of MEST."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmark.experiments.cells import Cell
from benchmark.report.references import baselines_at
from benchmark.verdicts.samples import Samples
from criteria.plugins import Spec, defaults

FEWEST = 3
"""The least number of values with results that an axis other than density must have to be worth a figure."""
CRITERION = "pruning criterion"
NAMES = {"update_period": "update period (optimizer steps)"}
"""The label of the axis of a further setting whose own name does not say enough."""


@dataclass(frozen=True)
class Axis:
    """A horizontal axis, and what cells on one line or in one panel have in common."""

    name: str
    title: str
    """Its name in a sentence."""
    label: str
    """The text below the axis, with its unit."""
    place: Callable[[Cell], float | None]
    """The place of a cell; None for a cell that has none of its own."""
    line: Callable[[Cell], str]
    lines: str
    """What a line stands for."""
    panel: Callable[[Cell], tuple[tuple[str, object], ...]]
    """The properties that a cell with a growth shares with all others of its panel, by name."""


def _density_place(cell: Cell) -> float | None:
    return cell.density


def _criterion(cell: Cell) -> str:
    return cell.criterion


def _growth_and_extra(cell: Cell) -> tuple[tuple[str, object], ...]:
    return (("growth", cell.growth), *cell.extra)


DENSITY = Axis(
    "density", "density", "density (fraction of weights kept)", _density_place, _criterion, CRITERION, _growth_and_extra
)
LAMBDA = Axis(
    "lambda",
    "the λ of MEST",
    "λ, the weight of the gradient in |θ| + λ|g|",
    lambda cell: mest_lambda(cell),
    lambda cell: f"density {cell.density:g}",
    "density",
    _growth_and_extra,
)


def setting(name: str) -> Axis:
    """The axis of a further setting of cells."""
    label = NAMES.get(name, f"{name.replace('_', ' ')}")
    return Axis(
        name,
        name.replace("_", " "),
        label,
        lambda cell: _number(dict(cell.extra).get(name)),
        _criterion,
        CRITERION,
        lambda cell: (
            ("growth", cell.growth),
            ("density", cell.density),
            *((other, value) for other, value in cell.extra if other != name),
        ),
    )


def axes(samples: Samples) -> list[Axis]:
    """The axes along which there are enough results, first the one that most of an experiment's figures should use.

    There are none if all networks are dense.
    """
    cells = [cell for cell, values in samples.items() if values and cell.growth is not None]
    names = dict.fromkeys(name for cell in cells for name, _ in cell.extra)
    found = [axis for axis in map(setting, names) if len(places(axis, cells)) >= FEWEST]
    densities = places(DENSITY, cells)
    return [*found, *([DENSITY] if len(densities) >= FEWEST or (not found and densities != [1.0]) else [])]


def places(axis: Axis, cells: Sequence[Cell]) -> list[float]:
    """The places of cells along an axis, increasing."""
    return sorted({place for place, _ in placed(axis, cells)})


def placed(axis: Axis, cells: Sequence[Cell]) -> list[tuple[float, Cell]]:
    """The cells that have a place along an axis, with it."""
    return [(place, cell) for cell in cells if (place := axis.place(cell)) is not None]


def panels(axis: Axis, grid: Sequence[Cell], samples: Samples) -> dict[str, list[Cell]]:
    """The cells with a growth of each panel, by its title; a panel without any result is left out.

    A place along the axis without any result is left out too, because nothing is known of the experiment there.
    """
    grown = [cell for cell in grid if cell.growth is not None]
    known = set(places(axis, [cell for cell in grown if samples.get(cell)]))
    titled: dict[str, list[Cell]] = {}
    for cell in grown:
        if axis.place(cell) in known:
            titled.setdefault(_title(axis.panel(cell)), []).append(cell)
    return {title: cells for title, cells in titled.items() if any(samples.get(cell) for cell in cells)}


def references(axis: Axis, panel: Sequence[Cell], grid: Sequence[Cell]) -> dict[str, list[Cell]]:
    """The cells of each baseline that a panel's cells can be compared with: nothing that both have differs.

    A dense network belongs to every density that its baseline has no other network of; without criteria all baselines
    are of the one panel.
    """
    shared = dict(axis.panel(panel[0])) if panel else {}
    found: dict[str, list[Cell]] = {}
    density = shared.get("density")
    for cell in baselines_at(grid, density) if isinstance(density, float) else grid:
        if cell.growth is None and all(shared.get(name, value) == value for name, value in cell.extra):
            found.setdefault(cell.criterion, []).append(cell)
    return found


def mest_lambda(cell: Cell) -> float | None:
    """The λ of a cell of MEST; None for any other criterion."""
    spec = Spec.parse(cell.criterion)
    return float((defaults(spec.name) | dict(spec.parameters))["lambda_"]) if spec.name == "mest" else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _title(panel: tuple[tuple[str, object], ...]) -> str:
    words = {"growth": "{} growth", "density": "density {:g}"}
    return " · ".join(words.get(name, f"{name.replace('_', ' ')} {{}}").format(value) for name, value in panel)
