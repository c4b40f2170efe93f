"""The topology updates of a fleet: which members are due, in which order, and what becomes of a plugin that fails."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchmark.experiments.setup import CONSTANT
from benchmark.system.interruption import is_interruption
from benchmark.system.plugin_failures import cause_of, reason
from benchmark.training.engines.engine import Engine, Needs
from benchmark.training.layer_roles import counts_beside_dense
from benchmark.training.members import Member, Recipe
from criteria import Criterion, Growth, Layer, TopologyUpdate
from criteria.distribution import layer_counts
from criteria.errors import PluginError, is_out_of_memory, where_raised
from criteria.fan_in import fan_in_count
from criteria.isolation import kept_process_state
from criteria.topology import update_layers
from criteria.training.updating import named

_SAVED = (type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.Size)


class DivergedError(Exception):
    """What a plugin asked to read of a network is no longer finite; that is the network's failure, not the plugin's."""


def due(members: Sequence[Member], step: int, total_steps: int, *, before_optimizer: bool) -> list[int]:
    """Members whose topology update falls on ``step`` (from 1), before or after that step's optimizer step."""
    return [
        index
        for index, member in enumerate(members)
        if member.recipe is not None
        and member.recipe.updates_at(step, total_steps)
        and member.recipe.criterion.updates_before_optimizer == before_optimizer
    ]


def observers(members: Sequence[Member], *, before_optimizer: bool) -> list[int]:
    """Members whose criterion follows the training at every step, before or after the optimizer step (as in `due`)."""
    return [
        index
        for index, member in enumerate(members)
        if member.recipe is not None
        and member.recipe.criterion.observes
        and member.recipe.criterion.updates_before_optimizer == before_optimizer
    ]


@torch.no_grad()
def observe(engine: Engine, member: int, step: int) -> None:
    """Show the criterion of ``member`` every sparse layer of this step; raises as :func:`update` does."""
    criterion = recipe_of(engine.members[member]).criterion
    shown = layers_shown(engine, member, step, Needs.for_criteria([criterion]))
    with plugin_errors(f"criterion {named(criterion)}", step):
        for layer in shown:
            criterion.observe(layer)


@torch.no_grad()
def update(engine: Engine, member: int, step: int, total_steps: int) -> list[TopologyUpdate]:
    """Prune and grow every sparse layer of ``member``; returns what changed, in the order of the layers.

    Raises :class:`PluginError` where its criterion or growth fails or does not keep its promises, and
    :class:`DivergedError` where they cannot be asked because the network has diverged.
    """
    recipe = recipe_of(engine.members[member])
    shown = layers_shown(engine, member, step, Needs.for_update(recipe.criterion, recipe.growth))
    fraction = recipe.fraction(step, total_steps)
    targets = _targets(engine, member, shown, step / total_steps)
    rules = recipe.topology.rules
    with plugin_errors(f"criterion {named(recipe.criterion)} with growth {named(recipe.growth)}", step):
        updates = update_layers(shown, recipe.criterion, recipe.growth, fraction, rules, targets)
    engine.apply(member, updates, rules)
    return updates


def _targets(engine: Engine, member: int, shown: Sequence[Layer], done: float) -> Sequence[int | None] | None:
    """How many weights of each layer are to be active, where the density changes or units may go."""
    of_member = engine.members[member]
    recipe = recipe_of(of_member)
    if recipe.topology.ablation:
        return _with_ablation(engine, member, shown)
    if recipe.topology.density_schedule == CONSTANT:
        return None
    shapes = {layer.name: tuple(layer.mask.shape) for layer in shown}
    with plugin_errors(f"schedule {named(recipe.schedule)}", shown[0].step):
        density = recipe.density(of_member.density, done)
    counts = layer_counts(shapes, density, of_member.distribution)
    targets = [counts[layer.name] for layer in shown]
    if not recipe.schedule.replaces:
        return one_way(targets, [int(layer.mask.sum()) for layer in shown])
    return targets


def one_way(targets: Sequence[int], active: Sequence[int]) -> list[int]:
    """The targets of layers that only lose weights, or only gain them, as all of them together do.

    Fractions of weights are rounded anew for every density, so that one layer may be meant to get a weight while all of
    them lose some. Such a layer stays as it is, and the one that has most to lose makes up for it.
    """
    sign = 1 if sum(targets) <= sum(active) else -1
    found = [sign * min(sign * target, sign * now) for target, now in zip(targets, active, strict=True)]
    for _ in range(sign * (sum(targets) - sum(found))):
        place = max(range(len(found)), key=lambda each: sign * (active[each] - found[each]))
        found[place] += sign
    return found


def _with_ablation(engine: Engine, member: int, shown: Sequence[Layer]) -> list[int | None]:
    """How many weights each layer started with; None for the network's last one, whose units are the classes."""
    of_member = engine.members[member]
    shapes = {name: tuple(mask.shape) for name, mask in engine.masks(member).items()}
    counts = counts_beside_dense(shapes, of_member.density, of_member.distribution, of_member.exclude)
    last = list(shapes)[-1]
    return [None if layer.name == last else fan_in_count(shapes[layer.name], counts[layer.name]) for layer in shown]


def density_is_final(member: Member, step: int, total_steps: int) -> bool:
    """Whether a member's density is that of its end after ``step``; raises :class:`PluginError` as `update` does."""
    if member.recipe is None:
        return True
    with plugin_errors(f"schedule {named(member.recipe.schedule)}", step):
        return member.recipe.has_come_to(member.density, step, total_steps)


@contextmanager
def plugin_errors(what: str, step: int) -> Iterator[None]:
    """Whatever a plugin raises inside comes out as a :class:`PluginError` that says what failed, when and where.

    Running out of memory and divergence are not its failures, and come out as they are. What a plugin changes of the
    process is put back, so that no member of a fleet trains otherwise because of another one. It computes in one
    thread: several would add up floats in another order, and mostly wait for each other in layers of usual sizes.
    """
    try:
        with kept_process_state():
            torch.set_num_threads(1)  # the number is part of the state that is put back
            yield
    except DivergedError:
        raise
    except BaseException as error:  # a plugin may fail in any way, and may try to end the program
        if is_interruption(error) or is_out_of_memory(error):
            raise
        place = f" ({where})" if (where := where_raised(error)) else ""
        raise PluginError(f"{what} failed at step {step}: {reason(error)}{place}") from cause_of(error)


def layers_shown(engine: Engine, member: int, step: int, needs: Needs) -> list[Layer]:
    """The sparse layers of a member as plugins see them; they get a product with the Hessian only if it is finite."""
    layers = engine.layers(member, step, needs)
    return [
        layer if layer.hessian_gradient is None else replace(layer, hessian_gradient=_finite(layer.hessian_gradient))
        for layer in layers
    ]


def saved_state(plugin: Criterion | Growth, step: int) -> dict[str, Any]:
    """What a plugin wants to go on from; raises :class:`PluginError` where a checkpoint cannot hold it."""
    kind = "growth" if isinstance(plugin, Growth) else "criterion"
    with plugin_errors(f"{kind} {named(plugin)}: state_dict()", step):
        state = plugin.state_dict()
        if not isinstance(state, dict):
            raise TypeError(f"it gave a {type(state).__name__}, not a dict")
        _require_saved(state)
    return state


def _require_saved(value: object) -> None:
    match value:
        case dict():
            for key, each in value.items():
                _require_saved(key)
                _require_saved(each)
        case list() | tuple() | set():
            for each in value:
                _require_saved(each)
        case _ if not isinstance(value, Tensor) and type(value) not in _SAVED:
            raise TypeError(f"it holds a {type(value).__name__}; a checkpoint takes tensors and plain values")


def _finite(product: Callable[[float], Tensor]) -> Callable[[float], Tensor]:
    def checked(temperature: float) -> Tensor:
        found = product(temperature)
        if not bool(found.isfinite().all()):
            raise DivergedError
        return found

    return checked


def recipe_of(member: Member) -> Recipe:
    """The recipe of a member whose topology changes; raises ``ValueError`` for another one."""
    if member.recipe is None:
        raise ValueError(f"a member with seed {member.seed} and density {member.density} has no recipe")
    return member.recipe
