"""Expanding an experiment into its runs, and telling runs apart by what decides their result."""

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from baselines import Baseline
from benchmark.experiments.cells import Cell, Value
from benchmark.experiments.experiment import Experiment, axis_name
from benchmark.training.fleet import Member, Recipe
from benchmark.training.measurements.jaccard import Comparison
from criteria.plugins import identity, load, parse

ENGINE = 2
"""Raised whenever the engine is changed so that the same settings give other results, beyond rounding."""
OF_BASELINES = ("topology.distribution",)
"""What matters of the topology where it never changes."""


@dataclass(frozen=True)
class Run:
    """One training of an experiment: a cell of its tables, with one seed."""

    experiment: Experiment
    """With the values that this run has of the settings that vary, and the model that it trains."""
    cell: Cell
    seed: int

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the result, as plain data; settings at their default are left out.

        So a setting that is added later leaves the results that are there valid.
        """
        experiment, cell = self.experiment, self.cell
        topology = experiment.topology.model_dump(mode="json", exclude_defaults=True)
        if cell.growth is None:
            recipe: dict[str, Any] = {"baseline": _identity(cell.criterion, "baseline")}
            topology = {key: value for key, value in topology.items() if f"topology.{key}" in OF_BASELINES}
        else:
            recipe = {
                "criterion": _identity(cell.criterion, "criterion"),
                "growth": _identity(cell.growth, "growth"),
                **self._measure(),
            }
        return {
            "engine": ENGINE,
            "data": experiment.data,
            "model": experiment.model,
            "training": experiment.training.model_dump(mode="json", exclude_defaults=True),
            "topology": topology,
            **recipe,
            "density": cell.density,
            "seed": self.seed,
        }

    @cached_property
    def id(self) -> str:
        """A hash of :attr:`settings`, 16 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def trains_with(self) -> str:
        """Runs that agree in this can train in one fleet."""
        shared = {key: self.settings[key] for key in ("data", "model", "training")}
        return json.dumps(shared, sort_keys=True)

    def member(self) -> Member:
        """The run as a member of a fleet, with instances of its plugins."""
        topology = self.experiment.topology
        recipe = comparison = None
        if self.cell.growth is not None:
            recipe = Recipe(load(self.cell.criterion, "criterion"), load(self.cell.growth, "growth"), topology)
            if (asked := self.experiment.measure.jaccard) is not None:
                comparison = Comparison(tuple(map(load, asked.criteria)), asked.every, asked.fractions)
        return Member(self.seed, self.cell.density, topology.distribution, recipe, comparison)

    def _measure(self) -> dict[str, Any]:
        """What is measured only where it is asked for: without it the stored result would be another."""
        measure = self.experiment.measure.model_dump(mode="json", exclude_defaults=True)
        if "jaccard" in measure:
            measure["jaccard"]["criteria"] = [_identity(spec, "criterion") for spec in measure["jaccard"]["criteria"]]
        return {"measure": measure} if measure else {}


def cells(experiment: Experiment) -> list[Cell]:
    """The cells of an experiment's tables: its baselines, then criterion × growth × density × settings that vary."""
    return list(_cells(experiment))


def expand(experiment: Experiment) -> list[Run]:
    """Every run of an experiment, those with the same seed together."""
    found = _cells(experiment)
    return [Run(fixed, cell, seed) for seed in experiment.axes.seeds for cell, fixed in found.items()]


def _cells(experiment: Experiment) -> dict[Cell, Experiment]:
    """Each cell with the experiment of its runs: no setting varies in it, and it has the model that is trained.

    A baseline has one cell, however many values a setting takes that does not concern it.
    """
    axes, variants = experiment.axes, experiment.variants()
    found: dict[Cell, Experiment] = {}
    for spec in experiment.baselines:
        baseline: Baseline = load(spec, "baseline")
        for density, (chosen, fixed) in itertools.product(baseline.densities(axes.densities), variants):
            concerns = {key: value for key, value in chosen.items() if _concerns_baselines(key)}
            trained = fixed.model_copy(update={"model": dict(baseline.model(fixed.model))})
            found.setdefault(Cell(spec, None, density, _extra(concerns)), trained)
    points = itertools.product(axes.criteria, axes.growths, axes.densities, variants)
    for criterion, growth, density, (chosen, fixed) in points:
        found[Cell(criterion, growth, density, _extra(chosen))] = fixed
    return found


def _extra(chosen: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
    return tuple((axis_name(key), value) for key, value in chosen.items())


def _concerns_baselines(key: str) -> bool:
    return not key.startswith("topology.") or key in OF_BASELINES


def _identity(spec: str, kind: str) -> dict[str, str]:
    """A plugin's spec and the hash of its code: an edited criterion is another criterion."""
    return {"spec": spec, "code": identity(parse(spec).name, kind)}
