"""A member: one network of a fleet, with the plugins that move its mask."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property

from baselines import Baseline
from benchmark.experiments.cost import steps_per_epoch
from benchmark.experiments.runs import Run
from benchmark.experiments.setup import CONSTANT, TopologySettings
from benchmark.system.plugin_failures import failures_of
from benchmark.training.measurements.jaccard import Comparison
from criteria import Criterion, DensitySchedule, Growth
from criteria.errors import InputError, PluginError
from criteria.plugins import load
from criteria.rules import Distribution, FanIn

SAME_DENSITY = 1e-6
"""How much, of itself, a density may be off the one that it should come to: no weight in half a million active ones."""


@dataclass(frozen=True)
class Recipe:
    """How a member's topology changes while it trains."""

    criterion: Criterion
    growth: Growth
    topology: TopologySettings

    @cached_property
    def schedule(self) -> DensitySchedule:
        """The density over the training."""
        schedule: DensitySchedule = load(self.topology.density_schedule, "schedule")
        return schedule

    def last_update(self, total_steps: int) -> float:
        """What the last step with a topology update is not beyond, in a training of so many steps."""
        return self.topology.update_until * total_steps

    def _last_step(self, total_steps: int) -> int:
        """The same as a whole number of steps."""
        # a share of the steps may be rounded down: 0.57 * 100 is 56.99999999999999
        return int(round(self.last_update(total_steps), 6))

    def updates_at(self, step: int, total_steps: int) -> bool:
        """Whether a topology update falls on ``step``, from 1."""
        return step % self.topology.update_period == 0 and step <= self._last_step(total_steps)

    def fraction(self, step: int, total_steps: int) -> float:
        """The share of the active weights that an update at ``step`` replaces."""
        if not self.schedule.replaces:
            return 0.0
        # the share may be rounded down, as above
        return self.topology.prune_fraction.at(step, max(step, self.last_update(total_steps)))

    def density(self, final: float, done: float) -> float:
        """The density once a share of the training is done; raises :class:`PluginError` for one that is none."""
        found = self.schedule.density(final, done)
        if not 0 < found <= 1:
            raise PluginError(f"schedule {self.schedule!r} gave the density {found} when {done:.0%} was done")
        return found

    def last_update_by(self, step: int, total_steps: int) -> int:
        """The step of the last topology update up to ``step``; 0 before the first."""
        period = self.topology.update_period
        return min(step, self._last_step(total_steps)) // period * period

    def has_come_to(self, final: float, step: int, total_steps: int) -> bool:
        """Whether the updates up to ``step`` have brought the density to that of the end."""
        if self.topology.density_schedule == CONSTANT:
            return True
        found = self.density(final, self.last_update_by(step, total_steps) / total_steps)
        return abs(found - final) <= SAME_DENSITY * final


@dataclass(frozen=True)
class Member:
    """One network of a fleet: what it starts from, and its recipe (None where the mask never changes)."""

    seed: int
    density: float
    distribution: Distribution = "erk"
    recipe: Recipe | None = None
    """``density`` is that of the end, where the recipe changes it."""
    comparison: Comparison | None = None
    exclude: tuple[str, ...] = ()
    """Layers that stay dense (:mod:`benchmark.training.layer_roles`); ``density`` is that of the others."""
    fan_in: FanIn = "free"
    """Whether all output units of a layer start with as many active inputs."""
    chooser: Baseline | None = None
    """The baseline that chooses the mask; None where it is drawn."""
    digested: tuple[int, ...] = (1,)
    """Optimizer steps after which its weights are digested; its own, so that no other member decides them."""

    @property
    def initial_density(self) -> float:
        """The density that training starts with."""
        if self.recipe is None:
            return self.density
        with _blaming(self.recipe.schedule):
            return self.recipe.density(self.density, 0.0)


def _blaming(schedule: DensitySchedule) -> AbstractContextManager[None]:
    """Outside of the updates, which say their step: whatever a schedule raises comes out as a :class:`PluginError`."""
    return failures_of(f"schedule {schedule!r} cannot say the density")


def _require_final_density(recipe: Recipe, final: float, total_steps: int) -> None:
    """Raises :class:`InputError` for a schedule that is still on its way at the last update of so many steps."""
    schedule = recipe.topology.density_schedule
    if schedule == CONSTANT:
        return
    last = recipe.last_update_by(total_steps, total_steps)
    with _blaming(recipe.schedule):
        found = recipe.density(final, last / total_steps)
        there = recipe.has_come_to(final, total_steps, total_steps)
    if last == 0:
        raise InputError(
            f"schedule {schedule} changes the density at updates, and a training of {total_steps} steps has none; "
            "train longer, or update more often"
        )
    if not there:
        raise InputError(
            f"schedule {schedule} has not come to the final density at the last update, step {last} of {total_steps}: "
            f"it is {found:.3g} and should be {final:g}; end it earlier, or update longer and more often"
        )


def _require_momentum(growth: Growth, momentum: float) -> None:
    """Raises :class:`InputError` for a growth by the momentum of a training without one: it would grow by chance."""
    if growth.requires_momentum and momentum == 0:
        raise InputError(
            f"growth {growth!r} reads the momentum, and training.momentum is 0; set it above 0, or take another growth"
        )


def member_of(run: Run) -> Member:
    """The run as a member of a fleet, with new instances of its plugins.

    Raises :class:`InputError` for a recipe that its setup leaves nothing to go by.
    """
    topology, rule = run.setup.topology, run.rule
    baseline: Baseline | None = None if rule.baseline is None else load(rule.baseline, "baseline")
    chooser = baseline if baseline is not None and baseline.chooses else None
    recipe = comparison = None
    if rule.criterion is not None and rule.growth is not None:
        recipe = Recipe(load(rule.criterion, "criterion"), load(rule.growth, "growth"), topology)
        _require_momentum(recipe.growth, run.setup.training.momentum)
        steps = run.setup.training.epochs * steps_per_epoch(run.setup)
        _require_final_density(recipe, run.cell.density, steps)
        if (asked := run.setup.measure.jaccard) is not None:
            if asked.fractions is None and not recipe.schedule.replaces:
                raise InputError(
                    f"schedule {topology.density_schedule} replaces no weights, so its updates have no prune fraction "
                    "that criteria could be asked for; set measure.jaccard.fractions"
                )
            comparison = Comparison(tuple(map(load, asked.criteria)), asked.every, asked.fractions)
    return Member(
        run.seed,
        1.0 if baseline is not None and baseline.narrows else run.cell.density,
        topology.distribution,
        recipe,
        comparison,
        topology.exclude,
        topology.fan_in,
        chooser,
        digested=run.digested,
    )
