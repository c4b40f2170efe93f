"""A setup: everything that decides how a network of an experiment is trained, as one frozen value.

A training is a function of a value: a setup, the rule that moves its mask, a density and a seed go in, an
:class:`~benchmark.experiments.outcome.Outcome` comes out. Nothing here imports torch.
"""

import json
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, field_validator, model_validator

from benchmark.models import model_spec
from criteria.errors import InputError
from criteria.normalisation import Normalisation
from criteria.plugins import Spec, defines, resolve
from criteria.rules import Distribution, FanIn, GrownValue, Resurrection, Rules, Scope, require_ablation
from criteria.schedule import PruneFraction

Count = Annotated[int, Field(strict=True, ge=1, lt=2**31)]
Number = Annotated[float, Field(strict=True)]
"""A number as YAML has it: a text such as ``"5"`` is none, and ``true`` is not 1."""
LARGEST = 3e38
"""Networks compute in float32, which has no larger numbers to multiply by."""
LayerName = Annotated[str, Field(strict=True, min_length=1)]
Switch = Annotated[bool, Field(strict=True)]
Precision: TypeAlias = Literal["float32", "tf32", "bfloat16"]
"""``tf32`` rounds the factors of products on a GPU to 10 bits; ``bfloat16`` computes where torch's autocast does so."""
EngineName: TypeAlias = str
"""What computes a training; another engine gives the same result up to rounding."""
ENGINE_NAMES: tuple[EngineName, ...] = ("dense", "sparse")
"""The engines that come with us: ``dense`` multiplies zeros too, the cost of ``sparse`` follows the density."""
PARTS_THAT_VARY = ("model", "training", "topology")
"""Parts of a setup whose settings can be axes of an experiment."""
TOPOLOGY_OF_BASELINES = ("distribution", "exclude", "fan_in")
"""Settings of the topology that matter where the mask never changes."""

CONSTANT = Spec("constant")
"""The schedule of density that changes nothing."""
LATER: dict[str, tuple[str, ...]] = {
    "topology": ("grown_value", "density_schedule", "exclude", "fixed", "fan_in", "ablation", "update_until"),
    "training": ("weight_decay_on",),
}
"""Settings, by their part, that came when there were results already: their defaults are left out of what identifies a
run, so that the runs of before keep their ids."""


def spec_of(kind: str) -> Any:
    """The type of a field that names an installed plugin of ``kind``: its :class:`Spec`, in canonical form."""

    def named(given: Any) -> Any:
        if not isinstance(given, str | Spec):
            raise ValueError(f"expected the name of a {kind}")  # noqa: TRY004  (as pydantic asks of validators)
        return resolve(given, kind) if isinstance(given, str) else given

    return Annotated[Spec, BeforeValidator(named), PlainSerializer(str)]


class Settings(BaseModel):
    """A part of an experiment; unknown keys are errors and values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TrainingSettings(Settings):
    """How each network is trained; what has a default is as in the paper."""

    epochs: Count
    batch_size: Count
    learning_rate: Number = Field(gt=0, le=LARGEST)
    momentum: Number = Field(default=0.9, ge=0, lt=1)
    nesterov: Switch = True
    weight_decay: Number = Field(default=5e-4, ge=0, le=LARGEST)
    milestones: tuple[Annotated[Number, Field(ge=0)], ...] = (0.5, 0.75)
    """When the learning rate is multiplied by ``milestone_factor``: shares of the epochs, or, from 1 on, epochs."""
    milestone_factor: Number = Field(default=0.1, gt=0, le=1)
    precision: Precision = "float32"
    """What products are computed in."""
    warmup_epochs: int = Field(default=0, strict=True, ge=0)
    """Epochs over which the learning rate rises in equal steps to ``learning_rate``."""
    label_smoothing: Number = Field(default=0.0, ge=0, lt=1)
    """Share of each target that is spread evenly over all classes (Szegedy et al., 2016)."""
    weight_decay_on: Literal["gradient", "weights"] = "gradient"
    """What weight decay is added to: the gradient, and so the momentum (torch's SGD); or θ ← θ − weight_decay·θ in
    every step, beside the momentum and not multiplied by the learning rate (the SET group's code)."""

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> "TrainingSettings":
        if self.nesterov and self.momentum == 0:
            raise ValueError("Nesterov's step needs a momentum above 0; set nesterov: false to train without momentum")
        return self

    @model_validator(mode="after")
    def _decay_of_weights_leaves_some_of_them(self) -> "TrainingSettings":
        if self.decay_of_weights >= 1:
            raise ValueError(
                "weight_decay_on: weights takes the share weight_decay from each weight, so it must be below 1, "
                f"not {self.weight_decay:g}"
            )
        return self

    @property
    def decay_of_gradients(self) -> float:
        """The share of a weight that is added to its gradient."""
        return self.weight_decay if self.weight_decay_on == "gradient" else 0.0

    @property
    def decay_of_weights(self) -> float:
        """The share of a weight that is taken from it in every step, before what the gradient does."""
        return self.weight_decay if self.weight_decay_on == "weights" else 0.0


class TopologySettings(Settings):
    """How sparse networks start and how their topology changes; defaults are those of the paper."""

    distribution: Distribution = "erk"
    update_period: Count
    """Optimizer steps between topology updates."""
    update_until: Number = Field(default=1.0, gt=0, le=1)
    """Share of the optimizer steps after which the topology rests; the prune fraction then is at its end."""
    prune_fraction: PruneFraction = PruneFraction()
    resurrection: Resurrection = "forbid"
    """Whether growth may choose weights that the same update has pruned: never (the contract); they then keep their
    value (the paper's released code); or they restart at zero."""
    grown_momentum: Literal["keep", "reset"] = "keep"
    """What a grown weight finds in the optimizer: the momentum that gathered there meanwhile (paper), or zero."""
    grown_value: GrownValue = "zero"
    """Where a grown weight starts: at zero (paper); at a draw from U(−√(6/inputs), √(6/inputs)) (SET as it was first
    released); or at what it was when it was active last."""
    scope: Scope = "local"
    """Whether each layer is pruned and grown by itself, or all of them together; with ``global_prune`` all are pruned
    together and each grows as many weights as it lost (paper, Figure 13: released code)."""
    normalisation: Normalisation | None = None
    """What the scores of different layers are divided by where all are pruned together."""
    density_schedule: spec_of("schedule") = CONSTANT  # type: ignore[valid-type]
    """How the density comes to be that of the cell: it is so all the time, or a schedule by its name."""

    @model_validator(mode="after")
    def _normalisation_compares_layers(self) -> "TopologySettings":
        if self.normalisation is not None and self.scope == "local":
            raise ValueError(
                "normalisation makes the scores of layers comparable, so it needs scope: global or global_prune"
            )
        return self

    fan_in: FanIn = "free"
    """Whether every output unit of a layer starts with as many active inputs and keeps them, as SRigL has it. The
    density is then the nearest that this allows, of at least one input for each unit."""
    ablation: Number = 0.0
    """Of how much of its fan-in at the start a unit has to keep salient weights, as SRigL has it (0.3); one that keeps
    fewer goes, and its weights to the other units of the layer. 0: none goes, nor does one of the last layer."""
    exclude: tuple[LayerName, ...] = ()
    """Layers that stay dense, by the name or a pattern of it, or ``last``; the density is that of the others."""
    fixed: tuple[LayerName, ...] = ()
    """Layers, named in the same way, that are sparse and that no topology update changes."""

    @model_validator(mode="after")
    def _units_keep_their_inputs(self) -> "TopologySettings":
        if self.fan_in == "constant" and (self.scope != "local" or self.density_schedule != CONSTANT):
            raise ValueError("fan_in: constant needs scope: local and a density that does not change")
        try:
            require_ablation(self.ablation, self.fan_in)
        except InputError as error:
            raise ValueError(str(error)) from error
        return self

    @model_validator(mode="after")
    def _density_can_change(self) -> "TopologySettings":
        if self.density_schedule != CONSTANT and self.scope == "global_prune":
            raise ValueError("in scope global_prune each layer keeps its density; a density_schedule needs another one")
        if self.density_schedule != CONSTANT and self.fixed:
            raise ValueError(
                "a density_schedule changes the density of every sparse layer; leave fixed out, or exclude"
            )
        return self

    @property
    def rules(self) -> Rules:
        """How one topology update goes."""
        return Rules(
            self.scope,
            self.resurrection,
            self.normalisation,
            self.grown_momentum,
            self.grown_value,
            self.fan_in,
            self.ablation,
        )

    @field_validator("prune_fraction", mode="before")
    @classmethod
    def _plain_numbers(cls, value: Any) -> Any:
        for key in ("start", "end"):
            if isinstance(value, dict) and key in value and type(value[key]) not in (int, float):
                raise ValueError(f"{key} must be a number, not {value[key]!r}")
        return value

    @field_validator("prune_fraction")
    @classmethod
    def _fractions(cls, value: PruneFraction) -> PruneFraction:
        if not (0 <= value.start <= 1 and 0 <= value.end <= 1):
            raise ValueError(f"start and end must be between 0 and 1, not {value.start} and {value.end}")
        return value


class Jaccard(Settings):
    """Asking criteria what they would prune at the topology updates of every network, to see what they share."""

    criteria: tuple[spec_of("criterion"), ...] = Field(min_length=2)  # type: ignore[valid-type]
    every: int | None = Field(default=None, strict=True, ge=1)
    """Optimizer steps from one comparison to the next; without it, only the first update is compared."""
    fractions: tuple[Annotated[Number, Field(gt=0, le=1)], ...] | None = Field(default=None, min_length=1)
    """Prune fractions that they are asked for; without it, the one of the update."""

    @field_validator("criteria")
    @classmethod
    def _look_at_one_step(cls, value: tuple[Spec, ...]) -> tuple[Spec, ...]:
        for spec in value:
            if defines(spec.name, "criterion", "observe"):
                raise ValueError(
                    f"{spec} follows the training step by step, and only criteria that look at one step "
                    "can be compared; leave it out"
                )
        return value

    @model_validator(mode="after")
    def _distinct(self) -> "Jaccard":
        require_distinct({"criteria": self.criteria, "fractions": self.fractions or ()})
        return self


class Measure(Settings):
    """What is measured only where it is asked for."""

    jaccard: Jaccard | None = None


class Setup(Settings):
    """One point of an experiment: what all of its runs with one rule, density and seed are trained by."""

    data: str
    model: dict[str, Any]
    """``name`` of the model and its parameters."""
    training: TrainingSettings
    topology: TopologySettings
    in_place_of: dict[str, Any] | None = None
    """The model of the experiment, where a narrower one is trained: what its FLOPs are compared with."""
    measure: Measure = Measure()
    engine: EngineName = "dense"

    @field_validator("data")
    @classmethod
    def _data(cls, value: str) -> str:
        return str(resolve(value, "data"))

    @field_validator("model")
    @classmethod
    def _model(cls, value: dict[str, Any]) -> dict[str, Any]:
        if "name" not in value:
            raise ValueError("needs a name")
        for key in ("inputs", "classes"):
            if key in value:
                raise ValueError(f"{key!r} comes from the data set")
        try:
            json.dumps(value, allow_nan=False)  # as in the id of a run
        except (TypeError, ValueError) as error:
            raise ValueError("parameters must be finite numbers, texts and lists of them") from error
        resolve(model_spec(value), "model")
        return value

    def identifying(self) -> dict[str, Any]:
        """The settings as plain data, with all defaults written out but those of settings that came later."""
        plain = self.model_dump(mode="json")
        if self.in_place_of is None:
            del plain["in_place_of"]
        for part, names in LATER.items():
            fields = type(getattr(self, part)).model_fields
            for name in names:
                if getattr(getattr(self, part), name) == fields[name].get_default(call_default_factory=True):
                    del plain[part][name]
        return plain


def require_distinct(lists: dict[str, Any]) -> None:
    """Raises ``ValueError`` for a list that has a value twice."""
    for name, values in lists.items():
        if len(set(values)) < len(values):
            raise ValueError(f"{name} has a value twice: {', '.join(map(str, values))}")
