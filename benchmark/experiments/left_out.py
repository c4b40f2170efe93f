"""Points of an experiment's grid that are not asked for: what ``axes.leave_out`` may say, and what it leaves out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from baselines import Baseline
from benchmark.experiments.cells import Value
from benchmark.system.plugin_failures import blaming
from criteria.errors import InputError
from criteria.plugins import Spec, load, registered, resolve, unknown

if TYPE_CHECKING:
    from benchmark.experiments.experiment import Experiment

Point = Mapping[str, Value]
"""Values by axis: of ``criterion`` (or baseline), ``growth``, ``density`` and settings that vary."""


def as_in_cells(axis: str, value: Value) -> Value:
    """A value as cells have it: a plugin with its parameters in one spelling; raises :class:`InputError` for none."""
    if axis == "density" and isinstance(value, str):
        raise InputError(f"density {value!r} is no number")
    if axis not in ("criterion", "growth"):
        return value
    baseline = axis == "criterion" and Spec.parse(str(value)).name in registered("baseline")
    return str(resolve(str(value), "baseline" if baseline else axis))


def require_axes(points: Iterable[Point], settings: Iterable[str]) -> None:
    """Raises :class:`InputError` for a point without values, or with one of an axis that there is not."""
    known = ("criterion", "growth", "density", *settings)
    for point in points:
        if not point:
            raise InputError("leave_out: a point without values is the whole grid; say what it has")
        for key in point:
            if key not in known:
                raise unknown("axis in leave_out", key, known)


def is_among(points: Iterable[Point], point: Mapping[str, Value | None]) -> bool:
    """Whether a point of the grid, with its values by axis, has all values of one of ``points``."""
    return any(all(_same(point.get(key), value) for key, value in each.items()) for each in points)


def problem_of(points: Iterable[Point], experiments: Sequence["Experiment"]) -> str | None:
    """The first value of ``points`` that none of the experiments' grids has, with those that there are, in words.

    None where all is well. Such a value leaves out nothing, and is mostly a misprint.
    """
    for point in points:
        for axis, value in point.items():
            there = dict.fromkeys(each for experiment in experiments for each in _values(experiment, axis))
            if not any(_same(value, each) for each in there):
                return f"no point of the grid has {axis} {value}; there are: {', '.join(map(str, there)) or 'none'}"
    return None


def baseline_densities(spec: Spec, baseline: Baseline, grid: Sequence[float]) -> list[float]:
    """The densities at which a baseline is trained, given those of an experiment's grid."""
    with blaming(f"baseline {str(spec)!r} failed in densities()"):
        found = [float(density) for density in baseline.densities(grid)]
        if not all(0 < density <= 1 for density in found):
            raise ValueError(f"it gives {found}, and a density is above 0 and at most 1")
    return found


def _values(experiment: "Experiment", axis: str) -> list[Value]:
    """All values that points of the grid have on an axis, those of baselines included."""
    axes = experiment.axes
    match axis:
        case "criterion":
            return [str(spec) for spec in (*axes.criteria, *experiment.baselines)]
        case "growth":
            return [str(spec) for spec in axes.growths]
        case "density":
            of_baselines = [
                density
                for spec in experiment.baselines
                for density in baseline_densities(spec, load(spec, "baseline"), axes.densities)
            ]
            return list(dict.fromkeys([*axes.densities, *of_baselines]))
        case _:
            return list(axes.settings.get(axis, ()))


def _same(one: Value | None, other: Value) -> bool:
    """Whether two values are equal, where ``true`` is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
