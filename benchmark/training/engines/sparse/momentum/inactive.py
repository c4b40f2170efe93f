"""The momentum of inactive weights, for those that will grow: nothing is gathered for the others.

A weight that grows keeps the momentum that gathered while it was inactive, Σ μᵏ · g of the last steps. Steps that weigh
less than rounding need not be remembered. Of a linear layer the factors of the gradients of those steps are kept, and
other threads sum them up at the weights of a network that have grown, while the next one is updated. A network with
convolutions goes through these steps once more (`retracing`). Where its topology changes in them, somebody reads the
momentum of all weights, or it is too large, the dense gradients of its convolutions are added up instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.training.engines.sparse.momentum.dues import Due
from benchmark.training.engines.sparse.momentum.factors import Asked, Factors
from benchmark.training.engines.sparse.momentum.remembered import has_room, steps_that_count
from benchmark.training.engines.sparse.momentum.retracing import Retracing, weights_of
from benchmark.training.engines.sparse.networks import SparseNetworks
from benchmark.training.engines.sparse.program.stepping import Numbers, Trail
from benchmark.training.engines.sparse.program.structure import Indices
from benchmark.training.engines.sparse.table import Kind

AT_ONCE = 4
"""Networks whose sums are made together: for half of a fleet, while the other half is updated."""


@dataclass(frozen=True)
class Left:
    """Weights of one layer that became inactive, each array [weights], positions increasing."""

    positions: Indices
    momenta: Numbers
    steps: NDArray[np.int64]
    """How many optimizer steps were done then."""


class InactiveMomentum:
    """What the momentum of inactive weights would be."""

    def __init__(
        self, networks: SparseNetworks, batches: Sequence[int], momentum: float, dues: Sequence[Due | None]
    ) -> None:
        """``batches`` says which batch each network sees, ``dues`` has None where nobody reads such momentum."""
        self._networks, self._momentum, self._dues = networks, momentum, dues
        self.length = steps_that_count(momentum, networks.dtype)
        self.done = 0
        """Optimizer steps that are done."""
        layers = range(len(networks.names))
        self._left = [[_nothing_left(networks.dtype) for _ in layers] for _ in dues]
        plan = networks.plan
        self._linear = [plan.nodes[n].kind == Kind.LINEAR for n in plan.products]
        self._retraced = [
            m
            for m, due in enumerate(dues)
            if due is not None and plan.convolves and not due.reads_all and due.period >= self.length
            if has_room(weights_of(networks, m), self.length, networks.dtype)
        ]
        """Networks whose topology stays as it is in the steps that count for an update, and whose weights have room."""
        self._sums: dict[int, list[Numbers]] = {
            m: [
                np.zeros(0 if self._linear[n] else int(np.prod(networks.structures.layers[n].shape)), networks.dtype)
                for n in layers
            ]
            for m, due in enumerate(dues)
            if due is not None and m not in self._retraced
        }
        self.factors = Factors(networks, batches, self.length if self._sums else 0, momentum)
        self._retracing = Retracing(networks, batches, self._retraced, self.length, momentum)
        self._pending: list[tuple[Asked, Indices]] = []
        """Weights that have grown, and where their momentum goes."""
        self._waiting: list[Asked] = []
        """Those of them whose sums are still to be begun."""

    def recorded(self, step: int) -> list[int]:
        """Networks for which ``step`` counts, and whose gradients of it are to be kept."""
        return [m for m in self._sums if self._steps_to_update(m, step) < self.length]

    def begin(self, step: int, targets: NDArray[np.int64]) -> Trail | None:
        """Step ``step`` is done next, whose ``targets`` are int64 [batches, examples]; where weights are recorded."""
        remaining = {member: self._steps_to_update(member, step) for member in self._retraced}
        for member, steps in remaining.items():
            if steps == self.length - 1:
                self._retracing.begin(member, step)
        followed = [member for member, steps in remaining.items() if steps < self.length]
        return self._retracing.keep(step, followed, targets) if followed else None

    def _steps_to_update(self, member: int, step: int) -> int:
        due = self._dues[member]
        assert due is not None
        return due.steps_to_update(step)

    def optimised(self, members: Sequence[int], gradients: Numbers) -> None:
        """The optimizer did a step; ``gradients`` are those of all weights of ``members``, [members, weights]."""
        self.done += 1
        sizes = self._networks.structures.sizes
        for row, member in enumerate(members):
            if member not in self._sums:
                continue
            due = self._dues[member]
            begins = self._steps_to_update(member, self.done) == self.length - 1
            for layer, sums in enumerate(self._sums[member]):
                if sums.size:
                    new = gradients[row, sizes[layer] : sizes[layer + 1]]
                    sums *= 0 if begins and due and due.period >= self.length else self._momentum
                    sums += new

    def of(self, member: int, layer: int, positions: Indices) -> Numbers:
        """The momentum of inactive weights of a layer at ``positions`` (increasing).

        Raises ``ValueError`` for a network of which nobody was said to read it.
        """
        asked = self.ask(member, layer, positions)
        self._retrace([asked])
        self.factors.add_up(self._summed([asked]), self.done)
        return asked.found

    def ask(self, member: int, layer: int, positions: Indices) -> Asked:
        """The same, of which is known what such weights had when they became inactive; the sum is still to be made."""
        if self._dues[member] is None:
            raise ValueError(f"the momentum of inactive weights of member {member} was not followed")
        since = np.zeros(positions.size, np.int64)
        if member in self._retraced:
            return Asked(member, layer, positions, since, np.zeros(positions.size, self._networks.dtype))
        if not self._linear[layer]:
            return Asked(member, layer, positions, since, self._sums[member][layer][positions])
        left = self._left[member][layer]
        found = np.zeros(positions.size, self._networks.dtype)
        at = np.minimum(np.searchsorted(left.positions, positions), max(left.positions.size - 1, 0))
        if left.positions.size:
            known = (left.positions[at] == positions) & self._counts(left.steps[at])
            since[known] = left.steps[at[known]]
            found[known] = left.momenta[at[known]] * self.factors.weights[self.done - since[known]]
        return Asked(member, layer, positions, since, found)

    def grow(self, grown: Sequence[tuple[Asked, Indices]]) -> None:
        """The weights asked for, of one network, are active now, at such places of the momenta of the state.

        Other threads make their sums while the caller updates the next networks, for some at once: they may share the
        batches of each step, which come from memory once then.
        """
        self._pending += grown
        self._waiting += self._summed([asked for asked, _ in grown])
        if len({asked.member for asked in self._waiting}) == AT_ONCE:
            self._begin_sums()

    def settle(self, member: int | None = None) -> None:
        """Write the momentum of all weights that have grown, if ``member`` (of all: any) has some."""
        if self._pending and (member is None or any(asked.member == member for asked, _ in self._pending)):
            self._retrace([asked for asked, _ in self._pending])
            self._begin_sums()
            self.factors.finish()
            momenta = self._networks.state.momenta
            for asked, places in self._pending:
                momenta[places] = asked.found
            self._pending = []

    def _begin_sums(self) -> None:
        self.factors.begin(self._waiting, self.done)
        self._waiting = []

    def _retrace(self, asked: Sequence[Asked]) -> None:
        self._retracing.add_up([each for each in asked if each.member in self._retraced], self.done)

    def _summed(self, asked: Sequence[Asked]) -> list[Asked]:
        """Those that are summed up from factors."""
        return [each for each in asked if each.member not in self._retraced and self._linear[each.layer]]

    def leave(self, member: int, layer: int, positions: Indices, momenta: Numbers, mask: NDArray[np.bool_]) -> None:
        """Active weights at ``positions`` (increasing) became inactive with ``momenta``; ``mask`` [weights] is new."""
        if member not in self._sums:
            return
        if not self._linear[layer]:
            self._sums[member][layer][positions] = momenta
            return
        old = self._left[member][layer]
        stays = self._counts(old.steps) & ~mask[old.positions]
        joined = np.concatenate([old.positions[stays], positions])
        order = np.argsort(joined, kind="stable")
        steps = np.concatenate([old.steps[stays], np.full(positions.size, self.done)])
        self._left[member][layer] = Left(
            joined[order], np.concatenate([old.momenta[stays], momenta])[order], steps[order]
        )

    def _counts(self, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which steps still count for the momentum."""
        return steps > self.done - self.length

    def state_dict(self) -> dict[str, Any]:
        """All that later updates depend on."""
        return {
            "done": self.done,
            "left": [[(each.positions, each.momenta, each.steps) for each in layers] for layers in self._left],
            "sums": self._sums,
            "factors": self.factors.state_dict(self.done),
            "retracing": self._retracing.state_dict(),
        }

    def load_state_dict(self, state: Any) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.done = int(state["done"])
        self._left = [[Left(*map(np.asarray, each)) for each in layers] for layers in state["left"]]
        for member, layers in self._sums.items():
            for own, saved in zip(layers, state["sums"][member], strict=True):
                own[:] = saved
        self.factors.load_state_dict(state["factors"])
        self._retracing.load_state_dict(state["retracing"])


def _nothing_left(dtype: np.dtype[np.floating]) -> Left:
    return Left(np.zeros(0, np.int32), np.zeros(0, dtype), np.zeros(0, np.int64))
