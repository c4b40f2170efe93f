"""The momentum of weights that grow in a network with convolutions: its last steps are gone through once more.

The factors of a convolution's gradients are too large to be kept, and the gradients of all of its weights cost many
times what the active ones cost. So the weights that networks have in each of these steps are recorded, and once it is
known what has grown, the gradients of that are made in each step, without those of what was active.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from benchmark.training.engines.sparse.momentum.factors import Asked
from benchmark.training.engines.sparse.networks import SparseNetworks
from benchmark.training.engines.sparse.program.arguments import State
from benchmark.training.engines.sparse.program.beginning import empty_state
from benchmark.training.engines.sparse.program.stepping import Extra, Step, Trail
from benchmark.training.engines.sparse.program.structure import Counts, Indices, starts


@dataclass(frozen=True)
class Snapshot:
    """What of a network stays as it is from a step on, and where its draws began."""

    step: int
    counts: Counts
    """Of active weights, [layers]."""
    positions: Indices
    """Of those of all layers, one after the other."""
    dropouts: Counts


class Retracing:
    """Snapshots of networks, what their steps since then were, and the trail of weights that they had in each."""

    def __init__(
        self, networks: SparseNetworks, batches: Sequence[int], members: Sequence[int], length: int, momentum: float
    ) -> None:
        """For ``members``, and the last ``length`` steps before an update.

        ``batches`` says which batch each network sees; the networks keep those of all steps since a snapshot.
        """
        self._networks, self._batches, self._momentum = networks, np.asarray(batches, np.int64), momentum
        self._snapshots: dict[int, Snapshot] = {}
        self._targets: dict[int, Counts] = {}
        self._length = length
        sizes = [length * weights_of(networks, m) if m in members else 0 for m in range(networks.size)]
        self._begins = starts(sizes)
        self._trail = np.zeros(sum(sizes), networks.dtype)
        """The weights of each network, [steps, weights], one after the other."""

    def begin(self, member: int, step: int) -> None:
        """A network's steps from ``step`` on, which is to be done next, may be gone through once more."""
        state, networks = self._networks.state, self._networks
        self._snapshots[member] = Snapshot(
            step,
            counts=networks.counts[member].copy(),
            positions=networks.positions[int(state.starts[member]) : int(state.starts[member + 1])].copy(),
            dropouts=state.dropouts[member].copy(),
        )
        self._forget()

    def keep(self, step: int, members: Sequence[int], targets: Counts) -> Trail:
        """A step of ``members`` that is to be gone through, whose targets are int64 [batches, examples]."""
        self._targets[step] = targets
        places = np.full(self._networks.size, -1, np.int64)
        places[list(members)] = [self._place(member, step) for member in members]
        return Trail(self._trail, places)

    def add_up(self, asked: Sequence[Asked], done: int) -> None:
        """Find what is asked for, of networks that have done so many optimizer steps."""
        self._networks.finish()
        asked = [each for each in asked if each.positions.size and each.member in self._snapshots]
        for first in sorted({self._snapshots[each.member].step for each in asked}):
            self._retrace([each for each in asked if self._snapshots[each.member].step == first], first, done)
        for member in {each.member for each in asked}:
            del self._snapshots[member]
        self._forget()

    def state_dict(self) -> dict[str, Any]:
        """What later sums depend on."""
        self._networks.finish()
        slots = sorted({self._networks.slot(step) for step in self._targets})
        return {
            "snapshots": {m: {f.name: getattr(s, f.name) for f in fields(s)} for m, s in self._snapshots.items()},
            "targets": self._targets,
            "slots": slots,
            "inputs": self._networks.batches.inputs[slots],
            "trails": {m: self._recorded(m) for m in self._snapshots},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self._snapshots = {
            m: Snapshot(**{**saved, "step": int(saved["step"])}) for m, saved in state["snapshots"].items()
        }
        self._targets = dict(state["targets"])
        self._networks.batches.load([int(slot) for slot in state["slots"]], state["inputs"])
        for member, trail in state["trails"].items():
            self._recorded(member)[:] = trail

    def _place(self, member: int, step: int) -> int:
        """Where in the trail the weights of a network in a step begin."""
        return int(self._begins[member]) + (step - self._snapshots[member].step) * weights_of(self._networks, member)

    def _recorded(self, member: int) -> Any:
        """The weights of a network in the steps since its snapshot, as a view."""
        first = self._snapshots[member].step
        end = min(max(self._targets, default=0) + 1, first + self._length)
        return self._trail[self._place(member, first) : self._place(member, end)]

    def _forget(self) -> None:
        """Steps from before all snapshots."""
        for step in [each for each in self._targets if all(each < one.step for one in self._snapshots.values())]:
            del self._targets[step]

    def _retrace(self, asked: Sequence[Asked], first: int, done: int) -> None:
        members = sorted({each.member for each in asked})
        steps = []
        for step in range(first, done + 1):
            places = np.array([self._place(member, step) for member in members])
            extra = Extra(trail=Trail(self._trail, places))
            steps.append(Step(self._networks.slot(step), None, self._targets[step], extra, None))
        old = [self._snapshots[member] for member in members]
        state = self._state([each.counts for each in old], [each.positions for each in old])
        state.dropouts[:] = [each.dropouts for each in old]
        wanted, at = self._wanted(members, asked)
        self._networks.retrace(steps, state, wanted, self._momentum, self._batches[members])
        for each in asked:
            each.found[:] = wanted.momenta[at[each.member, each.layer]]

    def _wanted(self, members: Sequence[int], asked: Sequence[Asked]) -> tuple[State, dict[tuple[int, int], slice]]:
        """The weights that are asked for, and where those of each member's layer are among them."""
        positions = {(each.member, each.layer): each.positions for each in asked}
        layers, at, begin = range(len(self._networks.names)), {}, 0
        nothing = np.zeros(0, np.int32)
        found = [[positions.get((member, layer), nothing) for layer in layers] for member in members]
        for member, of_member in zip(members, found, strict=True):
            for layer, each in enumerate(of_member):
                at[member, layer], begin = slice(begin, begin + each.size), begin + each.size
        counts = [np.array([each.size for each in of_member]) for of_member in found]
        return self._state(counts, [np.concatenate(of_member) for of_member in found]), at

    def _state(self, counts: Sequence[Counts], positions: Sequence[Indices]) -> State:
        """Networks with such weights, all of them and all else zero."""
        networks = self._networks
        state = empty_state(networks.plan, networks.structures, np.stack(counts), networks.dtype)
        for row, (of_member, each) in enumerate(zip(counts, positions, strict=True)):
            networks.structures.index(state, row, each, of_member)
        return state


def weights_of(networks: SparseNetworks, member: int) -> int:
    """Active weights and dense parameters of a network."""
    return int(networks.counts[member].sum()) + sum(networks.plan.dense_shapes.values())
