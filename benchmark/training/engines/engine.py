"""The seam between what a training does and how it is computed: an engine is the only thing that reaches into tensors.

Who is due for a topology update, the order inside a step, what plugins may do and what is measured are decided outside.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from benchmark.data.dataset import Dataset
from benchmark.experiments.runs import Rule
from benchmark.experiments.setup import Setup
from benchmark.training.members import Member
from criteria import Criterion, Growth, Layer, TopologyUpdate
from criteria.rules import Rules


def rows_of(source: Tensor, chosen: Tensor) -> Tensor:
    """Rows of ``source`` [N, …], as [*chosen.shape, …]."""
    # one row of memory after the other, which is twice as fast as source[chosen]
    return source.index_select(0, chosen.flatten()).view(*chosen.shape, *source.shape[1:])


@dataclass(frozen=True)
class Batch:
    """The examples of one optimizer step: one batch for each seed of a fleet, not for each member."""

    source: Tensor
    """[N, *shape]: these examples, and maybe others."""
    chosen: Tensor
    """int64 [seeds, batch]: where each is; seeds are those of the members, each once, in increasing order."""
    targets: Tensor
    """int64 [seeds, batch]."""

    @classmethod
    def of(cls, inputs: Tensor, targets: Tensor) -> "Batch":
        """The batch whose ``inputs`` are [seeds, batch, *shape]."""
        chosen = torch.arange(targets.numel(), device=targets.device).view(targets.shape)
        return cls(inputs.flatten(0, 1), chosen, targets)

    @cached_property
    def inputs(self) -> Tensor:
        """[seeds, batch, *shape]."""
        return rows_of(self.source, self.chosen)


Reach = Literal["active", "all"]
"""At which positions a tensor is read. A criterion reads active ones only, which the contract holds it to."""


@dataclass(frozen=True)
class Needs:
    """What the reader of layers looks at; an engine may put anything at the positions that are not read.

    An engine that stores active weights only makes dense gradients and momenta where they are asked for.
    """

    gradient: Reach = "active"
    momentum: Reach = "active"
    hessian_gradient: bool = False
    input_norms: bool = False

    @classmethod
    def for_update(cls, criterion: Criterion, growth: Growth) -> "Needs":
        """What a topology update reads: the criterion active positions, the growth inactive ones."""
        return cls(
            gradient="all" if growth.requires_grad else "active",
            momentum="all" if growth.requires_momentum else "active",
            hessian_gradient=criterion.requires_hessian_gradient,
            input_norms=criterion.requires_input_norms or growth.requires_input_norms,
        )

    @classmethod
    def for_criteria(cls, criteria: Iterable[Criterion]) -> "Needs":
        """What criteria read that look at layers without changing them."""
        asked = list(criteria)
        return cls(
            hessian_gradient=any(criterion.requires_hessian_gradient for criterion in asked),
            input_norms=any(criterion.requires_input_norms for criterion in asked),
        )


class Engine(Protocol):
    """The state of a fleet and the arithmetic on it. No operation mixes members."""

    members: tuple[Member, ...]

    def backward(self, batch: Batch) -> None:
        """Make the gradients of the next step, at the latest when something is read that depends on them."""
        ...

    def diverged(self) -> Tensor:
        """Members that had a loss which is not a finite number, bool [members] on the engine's device."""
        ...

    def layers(self, member: int, step: int, needs: Needs) -> list[Layer]:
        """The layers of one member that are rewired as criteria see them, read-only, at ``step`` (from 1)."""
        ...

    def apply(self, member: int, updates: Sequence[TopologyUpdate], rules: Rules) -> None:
        """Write one update of each of :meth:`layers` back: masks, weights that restart, momentum that is reset."""
        ...

    def optimise(self, learning_rate: float) -> None:
        """One optimizer step of every member on the gradients of :meth:`backward`; inactive weights stay 0."""
        ...

    def finite(self, member: int) -> bool:
        """Whether the weights of a member's sparse layers and their gradients are finite numbers.

        Gradients of inactive weights count where they were made. An engine that makes those alone which an update reads
        flags one that has none of them later, when a weight that grows there makes the loss infinite, or never.
        """
        ...

    def logits(self, inputs: Tensor) -> Tensor:
        """Logits [members, batch, classes] of all members in evaluation mode, for ``inputs`` [batch, *shape]."""
        ...

    def synchronise(self) -> None:
        """Make processes that train together agree on statistics that each gathered by itself; a collective call.

        Raises :class:`InputError` where their weights or masks differ.
        """
        ...

    def keep_best(self, member: int) -> None:
        """Keep a copy of a member as it is now, in place of the one that was kept before."""
        ...

    def restore_best(self) -> None:
        """Make every member what it was when it was last kept."""
        ...

    def masks(self, member: int) -> dict[str, Tensor]:
        """A copy of the mask of each sparse layer of one member, bool [*shape]."""
        ...

    def weights(self, member: int) -> dict[str, Tensor]:
        """A copy of all parameters of one member, [*shape], by name."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that later steps depend on, as tensors (not copied) and plain data."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave; raises an error where it is of another fleet."""
        ...


MakeEngine = Callable[[Sequence[Member], Setup, Dataset, torch.device], Engine]


@dataclass(frozen=True)
class EngineKind:
    """An engine that can be chosen by name."""

    name: str
    make: MakeEngine
    most_members: Callable[[Setup, tuple[int, ...], int, torch.device], int]
    """How many members should train together at most, for a setup, the shape of an input, classes and a device."""
    refuses: Callable[[Setup, Rule, torch.device], str | None] = lambda *_: None
    """Why the engine cannot train a setup under a rule on a device, in words; None where it can."""
