"""The runs of an experiment, and what tells one run from another: all that decides its result."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from baselines import Baseline
from benchmark.data import source_of
from benchmark.experiments.cells import Cell, Value
from benchmark.experiments.experiment import Experiment, axis_name
from benchmark.experiments.left_out import baseline_densities
from benchmark.experiments.setup import TOPOLOGY_OF_BASELINES, Setup
from benchmark.models.widths import narrowed
from benchmark.system.plugin_failures import blaming
from criteria.errors import InputError
from criteria.plugins import Spec, identity, load


@dataclass(frozen=True)
class Rule:
    """What decides a network's mask: a criterion with a growth, or a baseline, whose mask never changes."""

    criterion: Spec | None = None
    growth: Spec | None = None
    baseline: Spec | None = None

    @property
    def plugins(self) -> dict[str, Spec]:
        """The plugins of the rule by their kind."""
        named = {"criterion": self.criterion, "growth": self.growth, "baseline": self.baseline}
        return {kind: spec for kind, spec in named.items() if spec is not None}

    def cell(self, density: float, extra: Mapping[str, Value]) -> Cell:
        """The cell of the experiment's tables that runs with this rule belong to."""
        growth = None if self.growth is None else str(self.growth)
        named = tuple((axis_name(key), value) for key, value in extra.items())
        return Cell(str(self.baseline or self.criterion), growth, density, named)


@dataclass(frozen=True)
class Run:
    """One training of an experiment: a setup under a rule, in a cell of its tables, with one seed."""

    setup: Setup
    rule: Rule
    cell: Cell
    seed: int

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the result, as plain data with defaults written out (:meth:`Setup.identifying`)."""
        setup = self.setup.identifying()
        measure = setup.pop("measure")
        if self.rule.baseline is not None:  # what does not concern a mask that never changes is left out
            setup["topology"] = {key: value for key, value in setup["topology"].items() if key in TOPOLOGY_OF_BASELINES}
        elif measure["jaccard"] is not None:
            compared = self.setup.measure.jaccard.criteria if self.setup.measure.jaccard else ()
            measure["jaccard"]["criteria"] = [_identity("criterion", spec) for spec in compared]
            setup["measure"] = measure
        if "density_schedule" in setup["topology"]:
            setup["topology"]["density_schedule"] = _identity("schedule", self.setup.topology.density_schedule)
        plugins = {kind: _identity(kind, spec) for kind, spec in self.rule.plugins.items()}
        return {**setup, **plugins, "density": self.cell.density, "seed": self.seed}

    @cached_property
    def id(self) -> str:
        """A hash of :attr:`settings`, 16 hexadecimal digits."""
        return id_of(self.settings)

    @property
    def digested(self) -> tuple[int, ...]:
        """Optimizer steps after which its weights are digested: the first, and those around the first update.

        A baseline has none, and its id does not depend on when others have theirs; the digests in its result do.
        """
        period = self.setup.topology.update_period
        return 1, period, period + 1

    @cached_property
    def trains_with(self) -> str:
        """Runs that agree in this can train in one fleet."""
        names = ("engine", "data", "model", "training", "in_place_of")
        shared = {key: self.settings[key] for key in names if key in self.settings}
        return json.dumps(shared, sort_keys=True)

    def on(self, engine: str) -> "Run":
        """The same run, computed by another engine."""
        return replace(self, setup=self.setup.model_copy(update={"engine": engine}))


def id_of(settings: Mapping[str, Any]) -> str:
    """The id of the run that was trained with these settings (:attr:`Run.settings`)."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def cells(experiment: Experiment) -> list[Cell]:
    """The cells of an experiment's tables: its baselines, then criterion × growth × density × settings that vary."""
    return list(dict.fromkeys(cell for cell, _, _ in _grid(experiment)))


def expand(experiment: Experiment) -> list[Run]:
    """Every run of an experiment, those with the same seed together; raises :class:`InputError` where there is none."""
    found: dict[Cell, tuple[Setup, Rule]] = {}
    for cell, setup, rule in _grid(experiment):
        found.setdefault(cell, (setup, rule))
    if not found:
        raise InputError(f"{experiment.name}: axes.leave_out leaves out all of the grid; keep a point of it")
    return [Run(setup, rule, cell, seed) for seed in experiment.axes.seeds for cell, (setup, rule) in found.items()]


def _grid(experiment: Experiment) -> Iterator[tuple[Cell, Setup, Rule]]:
    """Each cell with the setup and the rule of its runs.

    A baseline has one cell, however many values a setting takes that does not concern it: the first counts.
    """
    axes, setups = experiment.axes, experiment.setups
    for spec in experiment.baselines:
        baseline: Baseline = load(spec, "baseline")
        if baseline.chooses and baseline.examples < 1:
            raise InputError(f"baseline {spec}: examples must be 1 or more, not {baseline.examples}")
        for density, (chosen, setup) in itertools.product(baseline_densities(spec, baseline, axes.densities), setups):
            concerns = {key: value for key, value in chosen.items() if _concerns_baselines(key)}
            rule = Rule(baseline=spec)
            if axes.asks_for({"criterion": str(spec), "density": density, **concerns}):
                yield rule.cell(density, concerns), _trained(spec, baseline, setup, density), rule
    for criterion, growth, density, (chosen, setup) in itertools.product(
        axes.criteria, axes.growths, axes.densities, setups
    ):
        rule = Rule(criterion, growth)
        if axes.asks_for({"criterion": str(criterion), "growth": str(growth), "density": density, **chosen}):
            yield rule.cell(density, chosen), setup, rule


def _trained(spec: Spec, baseline: Baseline, setup: Setup, density: float) -> Setup:
    """What a baseline is trained by in place of an experiment's setup."""
    with blaming(f"baseline {str(spec)!r} failed in model()"):
        model = dict(baseline.model(setup.model))
        if not isinstance(model.get("name"), str):
            raise TypeError(f"it gives {model}, and should give a model: its name, and its parameters")
    if baseline.chooses and setup.topology.fan_in == "constant":
        raise InputError(
            f"baseline {spec} chooses weights one by one, and no unit keeps its fan_in; "
            "set topology.fan_in: free, or leave the baseline out"
        )
    if not baseline.narrows:
        return setup.model_copy(update={"model": model})
    if setup.topology.exclude:
        raise InputError(
            f"baseline {baseline!r} has as many weights as a network all of whose layers are sparse; "
            "leave topology.exclude or the baseline out"
        )
    look = source_of(setup.data).look
    return setup.model_copy(
        update={"model": narrowed(model, density, look.shape, look.classes), "in_place_of": setup.model}
    )


def _concerns_baselines(key: str) -> bool:
    part, _, name = key.partition(".")
    return part != "topology" or name in TOPOLOGY_OF_BASELINES


def _identity(kind: str, spec: Spec) -> dict[str, str]:
    """A plugin's spec and the hash of its code: an edited criterion is another criterion."""
    return {"spec": str(spec), "code": identity(spec.name, kind)}
