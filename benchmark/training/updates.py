"""The topology updates of a fleet: which members are due, in which order, and what becomes of a plugin that fails."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from benchmark.training.engines.engine import Engine, Needs
from benchmark.training.members import Member, Recipe
from benchmark.training.memory import is_out_of_memory
from criteria import Criterion, InputError, Layer, TopologyUpdate
from criteria.errors import PluginError, one_line
from criteria.topology import update_layers


def due(members: Sequence[Member], step: int, *, before_optimizer: bool) -> list[int]:
    """Members whose topology update falls on ``step`` (from 1), before or after that step's optimizer step."""
    return [
        index
        for index, member in enumerate(members)
        if member.recipe is not None
        and step % member.recipe.topology.update_period == 0
        and member.recipe.criterion.updates_before_optimizer == before_optimizer
    ]


def observers(members: Sequence[Member], *, before_optimizer: bool) -> list[int]:
    """Members whose criterion follows the training at every step, before or after the optimizer step (as in `due`)."""
    return [
        index
        for index, member in enumerate(members)
        if member.recipe is not None
        and type(member.recipe.criterion).observe is not Criterion.observe
        and member.recipe.criterion.updates_before_optimizer == before_optimizer
    ]


@torch.no_grad()
def observe(engine: Engine, members: Sequence[int], step: int) -> None:
    """Show the criteria of ``members`` every sparse layer of this step.

    Raises :class:`PluginError` where one of them fails.
    """
    for index in members:
        criterion = recipe_of(engine.members[index]).criterion
        shown = engine.layers(index, step, Needs.for_criteria([criterion]))
        with plugin_errors(f"criterion {criterion!r}", step):
            for layer in shown:
                criterion.observe(layer)


@torch.no_grad()
def update(engine: Engine, member: int, step: int, total_steps: int) -> list[TopologyUpdate]:
    """Prune and grow every sparse layer of ``member``; returns what changed, in the order of the layers.

    Raises :class:`PluginError` where its criterion or growth fails or does not keep its promises.
    """
    recipe = recipe_of(engine.members[member])
    shown = engine.layers(member, step, Needs.for_update(recipe.criterion, recipe.growth))
    updates = _selected(shown, recipe, step, total_steps)
    engine.apply(member, updates, recipe.topology.rules)
    return updates


def _selected(shown: Sequence[Layer], recipe: Recipe, step: int, total_steps: int) -> list[TopologyUpdate]:
    fraction = recipe.topology.prune_fraction.at(step, total_steps)
    with plugin_errors(f"criterion {recipe.criterion!r} with growth {recipe.growth!r}", step):
        return update_layers(shown, recipe.criterion, recipe.growth, fraction, recipe.topology.rules)


@contextmanager
def plugin_errors(what: str, step: int) -> Iterator[None]:
    """Whatever a plugin raises inside comes out as a :class:`PluginError` that says ``what`` failed and when.

    Running out of memory is not its failure, and comes out as it is.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # a plugin may fail in any way
        if is_out_of_memory(error):
            raise
        raise PluginError(
            f"{what} failed at step {step}: {one_line(error)}; `dst-bench contract` finds out why"
        ) from error


def recipe_of(member: Member) -> Recipe:
    """The recipe of a member whose topology changes; raises ``ValueError`` for another one."""
    if member.recipe is None:
        raise ValueError(f"a member with seed {member.seed} and density {member.density} has no recipe")
    return member.recipe
