"""The topology updates of a fleet: which members are due, and one prune-and-grow of each of their layers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from benchmark.training.fleet import Fleet, Recipe
from benchmark.training.memory import is_out_of_memory
from criteria import Criterion, InputError, Layer, TopologyUpdate, update_layers, write_back
from criteria.errors import PluginError, one_line
from criteria.randomness import stream


@dataclass(frozen=True)
class Step:
    """One optimizer step of a fleet: what its topology updates may look at."""

    number: int
    """From 1."""
    total: int
    """Steps of the whole training."""
    inputs: Tensor
    """[members, batch, *shape]."""
    targets: Tensor
    """int64 [members, batch]."""
    gradients: dict[str, Tensor]
    """By weight, [members, *shape]."""
    optimizer: torch.optim.Optimizer


def due(fleet: Fleet, step: int, *, before_optimizer: bool) -> list[int]:
    """Members whose topology update falls on ``step`` (from 1), before or after that step's optimizer step.

    A criterion that reads the gradient updates before, on the fresh gradient; the others after, as in the paper.
    """
    return [
        index
        for index, member in enumerate(fleet.members)
        if member.recipe is not None
        and step % member.recipe.topology.update_period == 0
        and member.recipe.criterion.requires_grad == before_optimizer
    ]


def observers(fleet: Fleet, *, before_optimizer: bool) -> list[int]:
    """Members whose criterion follows the training at every step, before or after the optimizer step (as in `due`)."""
    return [
        index
        for index, member in enumerate(fleet.members)
        if member.recipe is not None
        and type(member.recipe.criterion).observe is not Criterion.observe
        and member.recipe.criterion.requires_grad == before_optimizer
    ]


@torch.no_grad()
def observe(fleet: Fleet, members: list[int], step: Step) -> None:
    """Show the criteria of ``members`` every sparse layer of this step.

    Raises :class:`PluginError` where one of them fails.
    """
    for index in members:
        criterion = _recipe(fleet, index).criterion
        shown = layers(fleet, index, step, hessian_gradient=criterion.requires_hessian_gradient)
        with plugin_errors(f"criterion {criterion!r}", step.number):
            for layer in shown:
                criterion.observe(layer)


@torch.no_grad()
def update(fleet: Fleet, member: int, step: Step) -> None:
    """Prune and grow every sparse layer of ``member``: pruned weights become 0, grown ones start at 0.

    Raises :class:`PluginError` where its criterion or growth fails or does not keep its promises.
    """
    recipe = _recipe(fleet, member)
    shown = layers(fleet, member, step, hessian_gradient=recipe.criterion.requires_hessian_gradient)
    for layer, outcome in zip(shown, _outcomes(shown, recipe, step), strict=True):
        state = [] if layer.momentum is None else [layer.momentum]
        write_back(layer.weight, layer.mask, state, outcome, recipe.topology.rules)
        fleet.mask_changed(member, layer.name)


def layers(fleet: Fleet, member: int, step: Step, *, hessian_gradient: bool) -> list[Layer]:
    """The sparse layers of one member as criteria see them; the tensors are views of the fleet's.

    With ``hessian_gradient`` they can ask for the Hessian-gradient product, which is then made when they do.
    """
    products = None
    if hessian_gradient:
        products = cache(
            lambda temperature: fleet.hessian_gradient(member, step.inputs[member], step.targets[member], temperature)
        )
    found = []
    for name in fleet.sparse_names:
        momentum = step.optimizer.state[fleet.weights[name]].get("momentum_buffer")
        found.append(
            Layer(
                name=name,
                weight=fleet.weights[name].detach()[member],
                grad=step.gradients[name][member],
                mask=fleet.masks[name][member],
                step=step.number,
                generator=stream(fleet.members[member].seed, "topology", step.number, name),
                momentum=None if momentum is None else momentum[member],
                hessian_gradient=None if products is None else _of_layer(products, name),
            )
        )
    return found


def is_finite(fleet: Fleet, member: int, step: Step) -> bool:
    """Whether a member's sparse weights and their gradients are all finite numbers."""
    return all(
        bool(fleet.weights[name][member].isfinite().all() and step.gradients[name][member].isfinite().all())
        for name in fleet.sparse_names
    )


def _outcomes(shown: list[Layer], recipe: Recipe, step: Step) -> list[TopologyUpdate]:
    prune_fraction = recipe.topology.prune_fraction.at(step.number, step.total)
    with plugin_errors(f"criterion {recipe.criterion!r} with growth {recipe.growth!r}", step.number):
        return update_layers(shown, recipe.criterion, recipe.growth, prune_fraction, recipe.topology.rules)


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


def _of_layer(products: Callable[[float], dict[str, Tensor]], name: str) -> Callable[[float], Tensor]:
    return lambda temperature: products(temperature)[name]


def _recipe(fleet: Fleet, member: int) -> Recipe:
    recipe = fleet.members[member].recipe
    if recipe is None:
        raise ValueError(f"member {member} has no recipe")
    return recipe
