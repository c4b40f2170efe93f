"""An experiment: a question, which names settings and what varies between runs; read from YAML and checked."""

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, field_validator, model_validator

from benchmark.experiments.cells import Value
from benchmark.experiments.left_out import as_in_cells, is_among, problem_of, require_axes
from benchmark.experiments.search import Tuning, require_held_out
from benchmark.experiments.setup import PARTS_THAT_VARY, Measure, Number, Settings, Setup, require_distinct, spec_of
from benchmark.system.yamlfile import parse_yaml, read_yaml, validate
from criteria.errors import InputError
from criteria.plugins import Spec, registered, unknown

Density = Annotated[Number, Field(gt=0, le=1)]
Seed = Annotated[int, Field(strict=True, ge=0)]


def _axis_value(value: object) -> Value:
    if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError("expected a number, a text, or true or false")


AxisValue = Annotated[Value, PlainValidator(_axis_value)]
"""As YAML has it: a text such as ``"5"`` is no number, and ``true`` is not 1."""
MOST_COMBINATIONS = 1000
"""Of settings that vary: each is checked when the experiment is read."""


class Axes(Settings):
    """What varies between the runs of an experiment; the grid is their product."""

    criteria: tuple[spec_of("criterion"), ...]  # type: ignore[valid-type]
    growths: tuple[spec_of("growth"), ...] = Field(min_length=1)  # type: ignore[valid-type]
    densities: tuple[Density, ...] = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field(min_length=1)
    settings: dict[str, Annotated[tuple[AxisValue, ...], Field(min_length=1)]] = Field(default_factory=dict)
    """Values of further settings by their place in the experiment, such as ``topology.update_period``."""
    leave_out: tuple[dict[str, AxisValue], ...] = ()
    """Points of the grid that are not asked for: those that have all values of one of these, of ``criterion`` (or
    baseline), ``growth``, ``density`` and settings that vary."""

    @model_validator(mode="after")
    def _distinct(self) -> "Axes":
        lists = {**dict(self), **self.settings}
        for name in ("settings", "leave_out"):
            lists.pop(name)
        require_distinct(lists)
        return self

    @field_validator("leave_out")
    @classmethod
    def _plugins_by_their_own_text(cls, value: tuple[dict[str, Value], ...]) -> tuple[dict[str, Value], ...]:
        return tuple({key: as_in_cells(key, each) for key, each in point.items()} for point in value)

    @model_validator(mode="after")
    def _leaves_out_points_of_the_grid(self) -> "Axes":
        require_axes(self.leave_out, self.settings)
        return self

    def asks_for(self, point: Mapping[str, Value | None]) -> bool:
        """Whether a point of the grid, with its values by axis, is not left out."""
        return not is_among(self.leave_out, point)

    @field_validator("settings")
    @classmethod
    def _settings(cls, value: dict[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
        for key in value:
            if key.partition(".")[0] not in PARTS_THAT_VARY:
                raise ValueError(f"{key!r} cannot vary; settings of {', '.join(PARTS_THAT_VARY)} can")
        if len({axis_name(key) for key in value}) < len(value):
            raise ValueError(f"two settings have the same last name: {', '.join(value)}")
        if (combinations := math.prod(map(len, value.values()))) > MOST_COMBINATIONS:
            raise ValueError(f"{combinations} combinations of settings are too many; {MOST_COMBINATIONS} are possible")
        return value


class Experiment(Settings):
    """A question to be answered by runs: which settings, what varies, and how results are judged.

    What a single run is trained by is one of its :attr:`setups`; an experiment has no settings of its own beside them.
    """

    name: str
    title: str
    figure: str | None = None
    """The paper's figure or table that this experiment rebuilds."""
    data: str
    model: dict[str, Any]
    training: dict[str, Any]
    topology: dict[str, Any] = Field(default_factory=dict)
    """As written; with what varies they become setups."""
    measure: Measure = Measure()
    axes: Axes
    baselines: tuple[spec_of("baseline"), ...] = Field(  # type: ignore[valid-type]
        default=("static", "dense"), validate_default=True
    )
    tuning: tuple[Tuning, ...] = ()
    """Methods that choose their own parameters on validation data, with what that may cost."""
    metric: Literal["test_accuracy_best", "test_accuracy_last"] = "test_accuracy_best"
    """Test accuracy in percent, of the checkpoint with the best validation accuracy or of the last epoch."""
    tolerance: Number = Field(default=1.0, gt=0)
    """Difference from the expected values that counts as the same result, in percentage points."""

    @cached_property
    def setups(self) -> list[tuple[dict[str, Value], Setup]]:
        """The setup of each combination of the settings that vary, with the values that it has of them.

        Just one, without values, where no setting varies; none of a combination that is left out whatever is trained,
        so that what makes no sense need not be a setup.
        """
        combinations = itertools.product(*self.axes.settings.values())
        points = [dict(zip(self.axes.settings, values, strict=True)) for values in combinations]
        return [(chosen, self._setup(chosen)) for chosen in points if self.axes.asks_for(chosen)]

    def _setup(self, chosen: Mapping[str, Value]) -> Setup:
        parts = {"model": self.model, "training": self.training, "topology": self.topology}
        content: dict[str, Any] = {"data": self.data, "measure": self.measure}
        content |= {name: _copied(part) for name, part in parts.items()}
        for key, value in chosen.items():
            if _is_set(parts, key.split(".")):
                raise InputError(f"{key} has a value, and varies in axes.settings too; leave one of them out")
            _set(content, key.split("."), value)
        values = ", ".join(f"{key}={value}" for key, value in chosen.items())
        return validate(Setup, content, f"axes.settings, {values}" if chosen else "")

    @model_validator(mode="after")
    def _every_combination_is_a_setup(self) -> "Experiment":
        if not self.setups:
            raise InputError("axes.leave_out leaves out every combination of the settings that vary; keep one of them")
        return self

    @model_validator(mode="after")
    def _every_search_is_fair_and_affordable(self) -> "Experiment":
        axes = self.axes
        for tuning in self.tuning:
            require_held_out(self.data)
            tuning.require_affordable(len(axes.growths) * len(axes.densities) * len(axes.seeds) * len(self.setups))
        return self

    @property
    def with_candidates(self) -> "Experiment":
        """The experiment with the candidates of every search among its criteria."""
        tried = [spec for tuning in self.tuning for spec in tuning.search.candidates]
        criteria = tuple(dict.fromkeys([*self.axes.criteria, *tried]))
        return self.model_copy(update={"axes": self.axes.model_copy(update={"criteria": criteria})})

    @field_validator("title", "figure")
    @classmethod
    def _prints(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("it stands above tables, so it must be one line of what prints")
        return value

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, value: str) -> str:
        if not value.isprintable() or not value.strip(". ") or {*value} & {*"/\\"} or len(value.encode()) > 100:
            raise ValueError("results are kept in a folder of this name, so it must be a plain one")
        return value


def axis_name(key: str) -> str:
    """What cells and tables call a setting that varies: ``update_period`` for ``topology.update_period``."""
    return key.rpartition(".")[2]


def experiment_files() -> dict[str, Path]:
    """The installed experiments by name: the YAML files of every package in ``dst_bench.experiments``.

    Of two with the same name the first is given; :func:`load_experiment` refuses to choose. No package is imported.
    """
    return {name: paths[0] for name, paths in _installed().items()}


def _installed() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for each in registered("experiments").values():
        for folder in each.folders:
            for path in sorted(folder.glob("*.yaml")):
                if path not in (paths := found.setdefault(path.stem, [])):
                    paths.append(path)
    return dict(sorted(found.items()))


def load_experiment(
    name: str,
    overrides: Sequence[str] = (),
    axes: Mapping[str, Sequence[Any]] | None = None,
    baselines: Sequence[str | Spec] | None = None,
) -> Experiment:
    """An installed experiment by name, or one of your own by the path of its YAML file.

    ``overrides`` are texts such as ``training.epochs=2`` (for a setting that varies, the values that it takes instead);
    ``axes`` replaces the values of whole axes, and ``baselines`` the baselines.
    The candidates of its searches are among its criteria, unless ``axes`` says which criteria are asked for.
    Raises :class:`InputError` for anything that does not fit.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
    else:
        files = _installed()
        if name not in files:
            raise unknown("experiment", name, files)
        path, *others = files[name]
        if others:
            raise InputError(
                f"experiment {name!r} exists twice, in {path} and {others[0]}; give the path of one of them"
            )
    content = read_yaml(path)
    if isinstance(content, dict):
        content = {"name": path.stem, **content}
        for override in overrides:
            _override(content, override)
        for axis, values in (axes or {}).items():
            _set(content, ["axes", axis], list(values))
        if baselines is not None:
            content["baselines"] = list(baselines)
    found = validate(Experiment, content, " with ".join([str(path), *(f"--set {text}" for text in overrides)]))
    found = found if "criteria" in (axes or {}) else found.with_candidates
    _require_effect(found, path)
    return found


def _require_effect(experiment: Experiment, path: Path) -> None:
    """Raises :class:`InputError` for a point to leave out that is in no grid, neither that asked for nor the file's."""
    points = experiment.axes.leave_out
    if problem_of(points, [experiment]) is None:
        return
    try:
        written = validate(Experiment, {"name": path.stem, **read_yaml(path)}, str(path)).with_candidates
    except InputError:  # what is written is an experiment only with what was asked for instead
        return
    if (problem := problem_of(points, [experiment, written])) is not None:
        raise InputError(f"{path}: axes.leave_out: {problem}")


def _override(content: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"--set {text!r}: expected KEY=VALUE, such as training.epochs=2")
    parsed = parse_yaml(value, f"--set {key}")
    if key in (varied := _varied(content)):
        varied[key] = parsed if isinstance(parsed, list) else [parsed]
    else:
        _set(content, key.split("."), parsed)


def _set(content: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, last = path
    for part in parents:
        child = content.setdefault(part, {})
        if not isinstance(child, dict):
            raise InputError(f"{'.'.join(path)}: {part!r} has no keys of its own")
        content = child
    content[last] = value


def _varied(content: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that vary in an experiment that has not been checked yet."""
    axes = content.get("axes")
    settings = axes.get("settings") if isinstance(axes, dict) else None
    return settings if isinstance(settings, dict) else {}


def _is_set(content: Any, path: list[str]) -> bool:
    for part in path:
        if not isinstance(content, dict) or part not in content:
            return False
        content = content[part]
    return True


def _copied(part: Any) -> Any:
    """A copy of a part whose nested mappings can be written into."""
    return {key: _copied(value) for key, value in part.items()} if isinstance(part, dict) else part
