"""When the topology of a network is updated, and what is read of it then."""

import sys
from dataclasses import dataclass

from torch import nn

from benchmark.training.engines.sparse.chain import nodes
from benchmark.training.engines.sparse.table import Kind
from benchmark.training.members import Member


@dataclass(frozen=True)
class Due:
    """When a network's topology is updated."""

    period: int
    last: float
    """The last step with an update is not beyond it."""
    before_optimizer: bool
    reads_all: bool
    """Whether somebody reads the momentum of all inactive weights, or that of those that grow alone."""

    def steps_to_update(self, step: int) -> int:
        """From ``step`` to that of the next update that reads its gradient; more than any number where none follows."""
        update = (step // self.period + 1 if self.before_optimizer else -(-step // self.period)) * self.period
        return update - step if update <= self.last else sys.maxsize


def reads_batches(due: Due | None, network: nn.Module, shape: tuple[int, ...], length: int) -> bool:
    """Whether the momentum of inactive weights of a network is made from the batches of the last ``length`` steps."""
    first_is_linear = nodes(network, shape)[0].kind == Kind.LINEAR
    return due is not None and (first_is_linear or (due.period >= length and not due.reads_all))


def due_of(member: Member, momentum: float, total_steps: int) -> Due | None:
    """When somebody reads the momentum of inactive weights of a member: those that grow and keep it, or a growth."""
    if member.recipe is None or momentum == 0:
        return None
    if member.recipe.topology.rules.grown_momentum != "keep" and not member.recipe.growth.requires_momentum:
        return None
    recipe = member.recipe
    return Due(
        recipe.topology.update_period,
        recipe.last_update(total_steps),
        recipe.criterion.updates_before_optimizer,
        recipe.growth.requires_momentum,
    )


def reads_gradient(member: Member, step: int, total_steps: int) -> bool:
    """Whether somebody reads the dense gradient of a step: a growth, or the optimizer right after an update."""
    recipe = member.recipe
    if recipe is None or not recipe.updates_at(step, total_steps):
        return False
    return recipe.growth.requires_grad or recipe.criterion.updates_before_optimizer
