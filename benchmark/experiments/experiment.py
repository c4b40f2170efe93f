"""An experiment: data, model, training settings and axes, read from YAML and checked."""

import copy
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, field_validator, model_validator

from benchmark.experiments.cells import Value
from benchmark.system.yamlfile import parse_yaml, read_yaml, validate
from benchmark.training.precision import Precision
from criteria.errors import InputError
from criteria.normalisation import Normalisation
from criteria.plugins import entry_points_of, load, parse, resolve, unknown
from criteria.rules import Distribution, Resurrection, Rules, Scope
from criteria.schedule import PruneFraction

Density = Annotated[float, Field(gt=0, le=1)]
Seed = Annotated[int, Field(ge=0)]
PARTS_THAT_VARY = ("model", "training", "topology")
"""Parts of an experiment whose settings can be axes."""
MOST_COMBINATIONS = 1000
"""Of settings that vary: each is checked when the experiment is read."""
Count = Annotated[int, Field(ge=1, lt=2**31)]


class Settings(BaseModel):
    """A part of an experiment; unknown keys are errors and values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Training(Settings):
    """How each network is trained; what has a default is as in the paper."""

    epochs: Count
    batch_size: Count
    learning_rate: float = Field(gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = True
    weight_decay: float = Field(default=5e-4, ge=0)
    milestones: tuple[float, ...] = (0.5, 0.75)
    """When the learning rate is multiplied by ``milestone_factor``: shares of the epochs, or, from 1 on, epochs."""
    milestone_factor: float = Field(default=0.1, gt=0, le=1)
    precision: Precision = "float32"
    """What products are computed in."""
    warmup_epochs: int = Field(default=0, ge=0)
    """Epochs over which the learning rate rises in equal steps to ``learning_rate``."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of each target that is spread evenly over all classes (Szegedy et al., 2016)."""


class Topology(Settings):
    """How sparse networks start and how their topology changes; defaults are those of the paper."""

    distribution: Distribution = "erk"
    update_period: Count
    """Optimizer steps between topology updates."""
    prune_fraction: PruneFraction = PruneFraction()
    resurrection: Resurrection = "forbid"
    """Whether growth may choose weights pruned in the same update: never (the contract); they then keep their value
    (released code); or they restart at zero."""
    grown_momentum: Literal["keep", "reset"] = "keep"
    """What a grown weight finds in the optimizer: the momentum that gathered there meanwhile (paper), or zero."""
    scope: Scope = "local"
    """Whether each layer is pruned and grown by itself, or all of them together; with ``global_prune`` all are pruned
    together and each grows as many weights as it lost (paper, Figure 13: released code)."""
    normalisation: Normalisation | None = None
    """What the scores of different layers are divided by where all are pruned together."""

    @property
    def rules(self) -> Rules:
        """What a topology update goes by."""
        return Rules(self.scope, self.resurrection, self.normalisation, self.grown_momentum)

    @model_validator(mode="after")
    def _rules_fit_together(self) -> "Topology":
        _ = self.rules
        return self

    @field_validator("prune_fraction")
    @classmethod
    def _fractions(cls, value: PruneFraction) -> PruneFraction:
        if not (0 <= value.start <= 1 and 0 <= value.end <= 1):
            raise ValueError(f"start and end must be between 0 and 1, not {value.start} and {value.end}")
        return value


class Jaccard(Settings):
    """Asking criteria what they would prune at the topology updates of every network, to see what they share."""

    criteria: tuple[str, ...] = Field(min_length=2)
    every: int | None = Field(default=None, ge=1)
    """Optimizer steps from one comparison to the next; without it, only the first update is compared."""
    fractions: tuple[Annotated[float, Field(gt=0, le=1)], ...] | None = Field(default=None, min_length=1)
    """Prune fractions that they are asked for; without it, the one of the update."""

    @field_validator("criteria")
    @classmethod
    def _criteria(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        from criteria import Criterion

        for spec in value:
            if type(load(spec)).observe is not Criterion.observe:
                raise ValueError(
                    f"{spec} follows the training step by step, and only criteria that look at one step "
                    "can be compared; leave it out"
                )
        return tuple(str(resolve(spec, "criterion")) for spec in value)

    @model_validator(mode="after")
    def _distinct(self) -> "Jaccard":
        _require_distinct({"criteria": self.criteria, "fractions": self.fractions or ()})
        return self


class Measure(Settings):
    """What is measured only where it is asked for."""

    jaccard: Jaccard | None = None


class Axes(Settings):
    """What varies between the runs of an experiment; the grid is their product."""

    criteria: tuple[str, ...]
    growths: tuple[str, ...] = Field(min_length=1)
    densities: tuple[Density, ...] = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field(min_length=1)
    settings: dict[str, Annotated[tuple[StrictStr | StrictInt | StrictFloat, ...], Field(min_length=1)]] = {}
    """Values of further settings by their place in the experiment, such as ``topology.update_period``."""

    @field_validator("criteria")
    @classmethod
    def _criteria(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(resolve(spec, "criterion")) for spec in value)

    @field_validator("growths")
    @classmethod
    def _growths(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(resolve(spec, "growth")) for spec in value)

    @model_validator(mode="after")
    def _distinct(self) -> "Axes":
        lists = {**dict(self), **self.settings}
        lists.pop("settings")
        _require_distinct(lists)
        return self

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
    """Everything that decides the results of an experiment, and how they are judged."""

    name: str
    title: str
    figure: str | None = None
    """The paper's figure or table that this experiment rebuilds."""
    data: str
    model: dict[str, Any]
    """``name`` of the model and its parameters."""
    training: Training
    topology: Topology
    axes: Axes
    measure: Measure = Measure()
    baselines: tuple[str, ...] = ("static", "dense")
    metric: Literal["test_accuracy_best", "test_accuracy_last"] = "test_accuracy_best"
    """Test accuracy in percent, of the checkpoint with the best validation accuracy or of the last epoch."""
    tolerance: float = Field(default=1.0, gt=0)
    """Difference from the expected values that counts as the same result, in percentage points."""

    @model_validator(mode="before")
    @classmethod
    def _what_varies_starts_with_its_first_value(cls, content: Any) -> Any:
        content = copy.deepcopy(content)
        for key, values in _varied(content).items():
            path = str(key).split(".")
            if path[0] in PARTS_THAT_VARY and isinstance(values, list | tuple) and values:
                if _is_set(content, path):
                    raise ValueError(f"{key} has a value, and varies in axes.settings too; leave one of them out")
                _set(content, path, values[0])
        return content

    @model_validator(mode="after")
    def _every_combination_is_an_experiment(self) -> "Experiment":
        self.variants()
        return self

    def variants(self) -> list[tuple[dict[str, Value], "Experiment"]]:
        """Each combination of the settings that vary, with the experiment that has these values and varies no setting.

        Just one, without values, where no setting varies.
        """
        settings = self.axes.settings
        if not settings:
            return [({}, self)]
        found = []
        for values in itertools.product(*settings.values()):
            chosen = dict(zip(settings, values, strict=True))
            content = self.model_dump()
            content["axes"].pop("settings")
            for key, value in chosen.items():
                _set(content, key.split("."), value)
            where = "axes.settings, " + ", ".join(f"{key}={value}" for key, value in chosen.items())
            found.append((chosen, validate(Experiment, content, where)))
        return found

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, value: str) -> str:
        if not value.isprintable() or not value.strip(". ") or {*value} & {*"/\\"} or len(value.encode()) > 100:
            raise ValueError("results are kept in a folder of this name, so it must be a plain one")
        return value

    @field_validator("baselines")
    @classmethod
    def _baselines(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(resolve(spec, "baseline")) for spec in value)

    @field_validator("data")
    @classmethod
    def _data(cls, value: str) -> str:
        from benchmark.data import available

        if (name := parse(value).name) not in available():
            raise unknown("data set", name, available())
        return value

    @field_validator("model")
    @classmethod
    def _model(cls, value: dict[str, Any]) -> dict[str, Any]:
        from benchmark.models import model_names

        if "name" not in value:
            raise ValueError("needs a name")
        if value["name"] not in model_names():
            raise unknown("model", str(value["name"]), model_names())
        for key in ("inputs", "classes"):
            if key in value:
                raise ValueError(f"{key!r} comes from the data set")
        try:
            json.dumps(value, allow_nan=False)  # as in the id of a run
        except (TypeError, ValueError) as error:
            raise ValueError("parameters must be finite numbers, texts and lists of them") from error
        return value


def axis_name(key: str) -> str:
    """What cells and tables call a setting that varies: ``update_period`` for ``topology.update_period``."""
    return key.rpartition(".")[2]


def experiment_files() -> dict[str, Path]:
    """The installed experiments by name: the YAML files of every package in ``dst_bench.experiments``."""
    from importlib.util import find_spec

    files: dict[str, Path] = {}
    for point in entry_points_of("experiments").values():
        spec = find_spec(point.value)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            for path in sorted(Path(folder).glob("*.yaml")):
                if files.setdefault(path.stem, path) != path:
                    raise InputError(f"experiment {path.stem!r} exists twice: {files[path.stem]} and {path}")
    return dict(sorted(files.items()))


def load_experiment(
    name: str,
    overrides: Sequence[str] = (),
    axes: Mapping[str, Sequence[Any]] | None = None,
    baselines: Sequence[str] | None = None,
) -> Experiment:
    """An installed experiment by name, or one of your own by the path of its YAML file.

    ``overrides`` are texts such as ``training.epochs=2`` (for a setting that varies, the values that it takes instead);
    ``axes`` replaces the values of whole axes, and ``baselines`` the baselines.
    Raises :class:`InputError` for anything that does not fit.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
    else:
        files = experiment_files()
        if name not in files:
            raise unknown("experiment", name, files)
        path = files[name]
    content = read_yaml(path)
    if isinstance(content, dict):
        content = {"name": path.stem, **content}
        for override in overrides:
            _override(content, override)
        for axis, values in (axes or {}).items():
            _set(content, ["axes", axis], list(values))
        if baselines is not None:
            content["baselines"] = list(baselines)
    return validate(Experiment, content, str(path))


def _require_distinct(lists: Mapping[str, Sequence[object]]) -> None:
    for name, values in lists.items():
        if len(set(values)) < len(values):
            raise ValueError(f"{name} has a value twice: {', '.join(map(str, values))}")


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
