"""A member: one network of a fleet, with the plugins that move its mask."""

from dataclasses import dataclass

from benchmark.experiments.runs import Run
from benchmark.experiments.setup import TopologySettings
from benchmark.training.measurements.jaccard import Comparison
from criteria import Criterion, Growth
from criteria.plugins import load
from criteria.rules import Distribution


@dataclass(frozen=True)
class Recipe:
    """How a member's topology changes while it trains."""

    criterion: Criterion
    growth: Growth
    topology: TopologySettings


@dataclass(frozen=True)
class Member:
    """One network of a fleet: what it starts from, and its recipe (None where the mask never changes)."""

    seed: int
    density: float
    distribution: Distribution = "erk"
    recipe: Recipe | None = None
    comparison: Comparison | None = None


def member_of(run: Run) -> Member:
    """The run as a member of a fleet, with new instances of its plugins."""
    topology, rule = run.setup.topology, run.rule
    recipe = comparison = None
    if rule.criterion is not None and rule.growth is not None:
        recipe = Recipe(load(rule.criterion, "criterion"), load(rule.growth, "growth"), topology)
        if (asked := run.setup.measure.jaccard) is not None:
            comparison = Comparison(tuple(map(load, asked.criteria)), asked.every, asked.fractions)
    return Member(run.seed, run.cell.density, topology.distribution, recipe, comparison)
