"""The topology updates of a fleet: which members are due, and one prune-and-grow of each of their layers."""

import torch
from torch import Tensor

from benchmark.fleet import Fleet, Recipe
from benchmark.randomness import stream
from criteria import Criterion, Layer, update_topology


def due(fleet: Fleet, step: int, *, before_optimizer: bool) -> list[int]:
    """Members whose topology update falls on ``step`` (from 1), before or after that step's optimizer step.

    A criterion that reads the gradient updates before, on the fresh gradient; the others after (paper_protocol 2).
    """
    return [
        index
        for index, member in enumerate(fleet.members)
        if member.recipe is not None
        and step % member.recipe.update_period == 0
        and member.recipe.criterion.requires_grad == before_optimizer
    ]


def observers(fleet: Fleet) -> list[int]:
    """Members whose criterion follows the training at every step."""
    return [
        index
        for index, member in enumerate(fleet.members)
        if member.recipe is not None and type(member.recipe.criterion).observe is not Criterion.observe
    ]


@torch.no_grad()
def observe(
    fleet: Fleet, members: list[int], gradients: dict[str, Tensor], optimizer: torch.optim.Optimizer, step: int
) -> None:
    """Show the criteria of ``members`` every sparse layer of this step."""
    for index in members:
        for layer in layers(fleet, index, gradients, optimizer, step):
            _recipe(fleet, index).criterion.observe(layer)


@torch.no_grad()
def update(
    fleet: Fleet,
    members: list[int],
    gradients: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    step: int,
    total_steps: int,
) -> None:
    """Prune and grow every sparse layer of ``members``: pruned weights become 0, grown ones start at 0."""
    for index in members:
        recipe = _recipe(fleet, index)
        prune_fraction = recipe.prune_fraction.at(step, total_steps)
        for layer in layers(fleet, index, gradients, optimizer, step):
            outcome = update_topology(layer, recipe.criterion, recipe.growth, prune_fraction, recipe.resurrection)
            layer.mask.copy_(outcome.mask)
            layer.weight.mul_(outcome.mask)
            if recipe.reset_grown_momentum and layer.momentum is not None:
                layer.momentum.mul_(~outcome.grown)


def layers(
    fleet: Fleet, member: int, gradients: dict[str, Tensor], optimizer: torch.optim.Optimizer, step: int
) -> list[Layer]:
    """The sparse layers of one member as criteria see them; the tensors are views of the fleet's."""
    found = []
    for name in fleet.sparse_names:
        momentum = optimizer.state[fleet.weights[name]].get("momentum_buffer")
        found.append(
            Layer(
                name=name,
                weight=fleet.weights[name].detach()[member],
                grad=gradients[name][member],
                mask=fleet.masks[name][member],
                step=step,
                generator=stream(fleet.members[member].seed, "topology", step, name),
                momentum=None if momentum is None else momentum[member],
            )
        )
    return found


def _recipe(fleet: Fleet, member: int) -> Recipe:
    recipe = fleet.members[member].recipe
    if recipe is None:
        raise ValueError(f"member {member} has no recipe")
    return recipe
