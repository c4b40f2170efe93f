"""An experiment: data, model, training settings and axes, read from YAML and checked."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from benchmark.distribution import Distribution
from benchmark.schedule import PruneFraction
from benchmark.yamlfile import parse_yaml, read_yaml, validate
from criteria.errors import InputError
from criteria.normalisation import Normalisation
from criteria.plugins import entry_points_of, resolve, unknown
from criteria.topology import Resurrection

Density = Annotated[float, Field(gt=0, le=1)]
Seed = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=1, lt=2**31)]


class Settings(BaseModel):
    """A part of an experiment; unknown keys are errors and values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Training(Settings):
    """How each network is trained (paper_protocol, section 2)."""

    epochs: Count
    batch_size: Count
    learning_rate: float = Field(gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = True
    weight_decay: float = Field(default=5e-4, ge=0)
    milestones: tuple[float, ...] = (0.5, 0.75)
    """Shares of the epochs after which the learning rate is multiplied by ``milestone_factor``."""
    milestone_factor: float = Field(default=0.1, gt=0, le=1)


class Topology(Settings):
    """How sparse networks start and how their topology changes (paper_protocol, section 2)."""

    distribution: Distribution = "erk"
    update_period: Count
    """Optimizer steps between topology updates."""
    prune_fraction: PruneFraction = PruneFraction()
    resurrection: Resurrection = "forbid"
    """Whether growth may choose weights pruned in the same update, which then keep their value."""
    grown_momentum: Literal["keep", "reset"] = "keep"
    """What a grown weight finds in the optimizer: the momentum that gathered there meanwhile (paper), or zero."""
    scope: Literal["local", "global"] = "local"
    """Whether each layer keeps its density, or only all of them together (paper, Figure 13)."""
    normalisation: Normalisation | None = None
    """What the scores of different layers are divided by in global scope."""

    @model_validator(mode="after")
    def _normalisation_compares_layers(self) -> "Topology":
        if self.normalisation is not None and self.scope == "local":
            raise ValueError("normalisation makes the scores of layers comparable, so it needs scope: global")
        return self

    @field_validator("prune_fraction")
    @classmethod
    def _fractions(cls, value: PruneFraction) -> PruneFraction:
        if not (0 <= value.start <= 1 and 0 <= value.end <= 1):
            raise ValueError(f"start and end must be between 0 and 1, not {value.start} and {value.end}")
        return value


class Axes(Settings):
    """What varies between the runs of an experiment; the grid is their product."""

    criteria: tuple[str, ...]
    growths: tuple[str, ...] = Field(min_length=1)
    densities: tuple[Density, ...] = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field(min_length=1)

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
        for axis, values in self:
            if len(set(values)) < len(values):
                raise ValueError(f"{axis} has a value twice: {', '.join(map(str, values))}")
        return self


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
    baselines: tuple[str, ...] = ("static", "dense")
    metric: Literal["test_accuracy_best", "test_accuracy_last"] = "test_accuracy_best"
    """Test accuracy in percent, of the checkpoint with the best validation accuracy or of the last epoch."""
    tolerance: float = Field(default=1.0, gt=0)
    """Difference from the expected values that counts as the same result, in percentage points."""

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

        if value not in available():
            raise unknown("data set", value, available())
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

    ``overrides`` are texts such as ``training.epochs=2``; ``axes`` replaces the values of whole axes, and ``baselines``
    the baselines.
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


def _override(content: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"--set {text!r}: expected KEY=VALUE, such as training.epochs=2")
    _set(content, key.split("."), parse_yaml(value, f"--set {key}"))


def _set(content: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, last = path
    for part in parents:
        child = content.setdefault(part, {})
        if not isinstance(child, dict):
            raise InputError(f"--set {'.'.join(path)}: {part!r} has no keys of its own")
        content = child
    content[last] = value
