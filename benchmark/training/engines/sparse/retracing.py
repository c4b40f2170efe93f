"""The momentum of weights that grow in a network with convolutions: its last steps are gone through once more.

The factors of a convolution's gradients are too large to be kept, and the gradients of all of its weights cost many
times what the active ones cost. So a copy of the network as it was before these steps does them again, with the weights
that have grown among the active ones. They stay zero, so all else is what it was, and SGD gathers their momentum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np

from benchmark.training.engines.sparse.arguments import State
from benchmark.training.engines.sparse.factors import Asked
from benchmark.training.engines.sparse.networks import SparseNetworks
from benchmark.training.engines.sparse.stepping import Extra, Numbers, Sgd, Step
from benchmark.training.engines.sparse.structure import Counts, Indices, starts


@dataclass(frozen=True)
class Snapshot:
    """A network as it was before a step."""

    step: int
    counts: Counts
    """Of active weights, [layers]; the next three are those of all layers, one after the other."""
    positions: Indices
    values: Numbers
    momenta: Numbers
    dense: Numbers
    dense_momenta: Numbers
    statistics: Numbers
    dropouts: Counts


class Retracing:
    """Snapshots of networks, and what their steps since then were."""

    def __init__(self, networks: SparseNetworks, batches: Sequence[int]) -> None:
        """``batches`` says which batch each network sees; the networks keep those of all steps since a snapshot."""
        self._networks, self._batches = networks, np.asarray(batches, np.int64)
        self._snapshots: dict[int, Snapshot] = {}
        self._targets: dict[int, Counts] = {}
        self._sgd: dict[int, Sgd] = {}

    def begin(self, member: int, step: int) -> None:
        """A network's steps from ``step`` on, which is to be done next, may be gone through once more."""
        state, networks = self._networks.state, self._networks
        whole = slice(int(state.starts[member]), int(state.starts[member + 1]))
        self._snapshots[member] = Snapshot(
            step,
            counts=networks.counts[member].copy(),
            positions=networks.positions[whole].copy(),
            values=state.values[whole].copy(),
            momenta=state.momenta[whole].copy(),
            dense=state.dense[member].copy(),
            dense_momenta=state.dense_momenta[member].copy(),
            statistics=state.statistics[member].copy(),
            dropouts=state.dropouts[member].copy(),
        )
        self._forget()

    def keep(self, step: int, targets: Counts) -> None:
        """A step that is to be gone through, whose targets are int64 [batches, examples]."""
        self._targets[step] = targets

    def optimised(self, step: int, how: Sgd) -> None:
        """The optimizer step of the gradients of ``step``."""
        if step in self._targets:
            self._sgd[step] = how

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
        slots = sorted({self._networks.slot(step) for step in self._targets})
        return {
            "snapshots": {m: {f.name: getattr(s, f.name) for f in fields(s)} for m, s in self._snapshots.items()},
            "targets": self._targets,
            "sgd": {step: astuple(how) for step, how in self._sgd.items()},
            "slots": slots,
            "inputs": self._networks.batches.inputs[slots],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self._snapshots = {
            m: Snapshot(**{**saved, "step": int(saved["step"])}) for m, saved in state["snapshots"].items()
        }
        self._targets = dict(state["targets"])
        self._sgd = {step: Sgd(*how) for step, how in state["sgd"].items()}
        self._networks.batches.load([int(slot) for slot in state["slots"]], state["inputs"])

    def _forget(self) -> None:
        """Steps from before all snapshots."""
        for known in (self._targets, self._sgd):
            for step in [each for each in known if all(each < snapshot.step for snapshot in self._snapshots.values())]:
                del known[step]

    def _retrace(self, asked: Sequence[Asked], first: int, done: int) -> None:
        members = sorted({each.member for each in asked})
        state, at = self._with_grown(members, asked)
        steps = [
            Step(self._networks.slot(n), None, self._targets[n], Extra(), self._sgd[n - 1] if n > first else None)
            for n in range(first, done + 1)
        ]
        self._networks.go_through(steps, self._sgd[done], state, self._batches[members])
        for each, places in zip(asked, at, strict=True):
            each.found[:] = state.momenta[places]

    def _with_grown(self, members: Sequence[int], asked: Sequence[Asked]) -> tuple[State, list[Counts]]:
        """Networks as they were, with the weights that are asked for among the active ones, and where each of these is.

        The places are those in the state's values.
        """
        layers = range(len(self._networks.structures.layers))
        positions, values, momenta, counts = [], [], [], np.zeros((len(members), len(layers)), np.int64)
        at: dict[tuple[int, int], Counts] = {}
        wanted = {(each.member, each.layer): each.positions for each in asked}
        begin = 0
        for row, member in enumerate(members):
            old, end = self._snapshots[member], 0
            for layer in layers:
                part, end = slice(end, end + int(old.counts[layer])), end + int(old.counts[layer])
                grown = wanted.get((member, layer), np.zeros(0, np.int32))
                both = np.concatenate([old.positions[part], grown])
                order = np.argsort(both, kind="stable")
                nothing = np.zeros(grown.size, old.values.dtype)
                positions.append(both[order])
                values.append(np.concatenate([old.values[part], nothing])[order])
                momenta.append(np.concatenate([old.momenta[part], nothing])[order])
                at[member, layer] = begin + np.flatnonzero(order >= old.counts[layer])
                counts[row, layer] = order.size
                begin += order.size
        held = [np.concatenate([at[member, layer] for layer in layers]) for member in members]
        state = self._state(members, counts, np.concatenate(values), np.concatenate(momenta), held)
        joined = np.concatenate(positions)
        for row in range(len(members)):
            whole = slice(int(state.starts[row]), int(state.starts[row + 1]))
            self._networks.structures.index(state, row, joined[whole], counts[row])
        return state, [at[each.member, each.layer] for each in asked]

    def _state(
        self, members: Sequence[int], counts: Counts, values: Numbers, momenta: Numbers, held: Sequence[Counts]
    ) -> State:
        """Without indices."""
        structures, size = self._networks.structures, len(members)
        old = [self._snapshots[member] for member in members]
        dense = np.stack([each.dense for each in old])
        return State(
            values=values,
            gradients=np.zeros_like(values),
            momenta=momenta,
            places=np.zeros(values.size, np.int32),
            index=np.zeros(values.size, np.int32),
            looks=np.zeros(values.size, np.int32),
            starts=starts(counts.sum(1)),
            rows=np.zeros((size, structures.rows[-1]), np.int64),
            columns=np.zeros((size, structures.columns[-1]), np.int64),
            nothing=self._networks.state.nothing,
            dense=dense,
            dense_gradients=np.zeros_like(dense),
            dense_momenta=np.stack([each.dense_momenta for each in old]),
            statistics=np.stack([each.statistics for each in old]),
            dropouts=np.stack([each.dropouts for each in old]),
            held=np.concatenate(held).astype(np.int64),
            held_starts=starts([each.size for each in held]),
        )
