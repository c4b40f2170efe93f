"""Networks of one model with sparse weights, which train together: their values and what is computed with them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.training.engines.sparse.arguments import Shape, State, Work
from benchmark.training.engines.sparse.beginning import first_state
from benchmark.training.engines.sparse.layout import lay_out
from benchmark.training.engines.sparse.memory import aligned, aligned_zeros
from benchmark.training.engines.sparse.network import nodes
from benchmark.training.engines.sparse.plan import Plan
from benchmark.training.engines.sparse.program import addresses, evaluate, optimise, train
from benchmark.training.engines.sparse.stepping import Active, Extra, Numbers, Sgd
from benchmark.training.engines.sparse.structure import Index, Structures
from benchmark.training.engines.sparse.table import Kind
from benchmark.training.engines.sparse.threads import Threads
from benchmark.training.engines.sparse.vectors import LANES


class SparseNetworks:
    """The state of the networks of a fleet, and their steps."""

    # long because it takes what a fleet is
    def __init__(
        self,
        module: nn.Module,
        inputs: tuple[int, ...],
        weights: Mapping[str, Tensor],
        buffers: Mapping[str, Tensor],
        masks: Mapping[str, Tensor],
        batch_size: int,
        threads: int,
    ) -> None:
        """``weights``, ``buffers`` and ``masks`` are those of all networks, each tensor [networks, *shape]."""
        self.plan = Plan(nodes(module, inputs))
        self.structures = Structures(self.plan)
        self.threads = Threads(threads)
        self.names = [layer.name for layer in self.structures.layers]
        first = next(iter(weights.values()))
        self.size, self.dtype = first.shape[0], torch.empty(0, dtype=first.dtype).numpy().dtype
        self.counts = np.array([[int(masks[name][m].sum()) for name in self.names] for m in range(self.size)])
        self.positions = np.concatenate(
            [np.flatnonzero(masks[name][m].numpy()) for m in range(self.size) for name in self.names]
        ).astype(np.int32)
        self._state = first_state(self.plan, self.structures, self.counts, self.positions, weights, buffers)
        self._due: Sgd | None = None
        self.index_all()
        self._order = np.argsort(-np.diff(self.state.starts), kind="stable")  # long work first, so that none waits
        self.lanes = self.plan.groups(batch_size) * LANES
        """Of a whole batch."""
        self.kept = _kept(self.plan, self.lanes)
        """Where a step of the history keeps what, as in `Shape.kept`, and how many numbers it is."""
        self._shapes: dict[int, Shape] = {}
        self._spaces: dict[int, tuple[list[Numbers], list[NDArray[np.uint8]]]] = {}

    @property
    def state(self) -> State:
        """The networks as they are, with every optimizer step that was asked for."""
        if (due := self._due) is not None:
            self._due = None
            self.threads.run(lambda queue, _thread: optimise(queue, self._state, due.settings))
        return self._state

    def span(self, member: int, layer: int) -> slice:
        """Where the active weights of a layer of a network are."""
        first = int(self._state.starts[member]) + int(self.counts[member, :layer].sum())
        return slice(first, first + int(self.counts[member, layer]))

    def _index(self, member: int) -> None:
        """Make the index structures of a network from its positions."""
        whole = slice(int(self.state.starts[member]), int(self.state.starts[member + 1]))
        parts = (each[whole] for each in (self.state.places, self.state.index, self.state.looks))
        places, index, looks = parts
        into = Index(places, index, looks, self.state.rows[member], self.state.columns[member])
        self.structures.fill(self.positions[whole], self.counts[member], into)

    def layout(
        self, inputs: Tensor | Sequence[Tensor], examples: int | None = None, into: Numbers | None = None
    ) -> Numbers:
        """Batches [examples, *shape] as compiled code reads them, [batches, numbers].

        With ``examples`` they may be smaller, and are laid out as batches of so many. They are written to the first of
        ``into`` (flat) where it is given.
        """
        examples = len(inputs[0]) if examples is None else examples
        tables, image = self.plan.tables(examples), self.plan.input_image(0)
        numbers = image.positions * tables.groups * LANES
        size = len(inputs) * numbers
        found = (aligned(size, self.dtype) if into is None else into[:size]).reshape(-1, numbers)
        for batch, there in zip(inputs, found, strict=True):
            if batch.numel() < numbers:  # borders, and lanes without an example
                there[:] = 0
            lay_out(batch.reshape(len(batch), -1).contiguous().numpy(), tables.buffers[0], *image.shape, there)
        return found

    def gradients(
        self,
        inputs: Numbers,
        targets: Tensor,
        batches: Sequence[int],
        smoothing: float = 0.0,
        extra: Extra | None = None,
    ) -> tuple[NDArray[np.float64], Numbers]:
        """Losses of all networks, and the gradients of all weights [rows, weights] of those that ``extra`` names.

        ``inputs`` is what :meth:`layout` gave, ``targets`` int64 [batches, examples]; network m sees ``batches[m]``.
        The gradients of active weights and of dense parameters go to the state.
        """
        shape, spaces, memories = self._for(targets.shape[1])
        work = self._work(inputs, targets.numpy(), batches, smoothing, extra or Extra())
        state, due, sgd = self._state, self._due is not None, (self._due or Sgd(0.0)).settings
        self._due = None  # a network's optimizer step is done on the way: its weights are in the caches then
        self.threads.run(
            lambda queue, thread: train(queue, shape, state, work, spaces[thread], memories[thread], due, sgd)
        )
        return work.losses, work.full_gradients

    def logits(self, inputs: Numbers, examples: int) -> Numbers:
        """Logits [networks, classes, batches · examples] as in an evaluation, of the same batches for all networks."""
        (shape, spaces, memories), state = self._for(examples), self.state
        found = np.empty((self.size, self.plan.nodes[-1].outputs[0], len(inputs) * examples), self.dtype)
        work = self._work(inputs, np.zeros((1, examples), np.int64), [0] * self.size, 0.0, Extra())
        self.threads.run(
            lambda queue, thread: evaluate(queue, shape, state, work, spaces[thread], memories[thread], found)
        )
        return found

    def optimise(self, how: Sgd) -> None:
        """One step of SGD of all networks, which is done when their next gradients are made, or their state is read."""
        state = self.state
        if how.decay_of_weights:
            for weights in (state.values, state.dense):
                weights *= 1 - how.decay_of_weights
        self._due = how

    def evaluated(self) -> dict[str, NDArray[Any]]:
        """What an evaluation reads, by name; the arrays are those of the state."""
        state = self.state
        return {
            "positions": self.positions,
            "counts": self.counts,
            "values": state.values,
            "dense": state.dense,
            "statistics": state.statistics,
            "dropouts": state.dropouts,
        }

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """What later steps depend on, not copied."""
        return {**self.evaluated(), "momenta": self.state.momenta, "dense_momenta": self.state.dense_momenta}

    def load_state_dict(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what :meth:`state_dict` gave; raises ``ValueError`` where it is of another fleet."""
        for name, array in self.state_dict().items():
            if array.shape != state[name].shape:
                raise ValueError(f"{name} is of another fleet")
            array[:] = state[name]
        self.index_all()

    def index_all(self) -> None:
        """Make the index structures of all networks from their positions."""
        for member in range(self.size):
            self._index(member)

    def dense_parameters(self, member: int) -> dict[str, Numbers]:
        """The dense parameters of a network by name, as views."""
        found, at = {}, 0
        for name, size in self.plan.dense_shapes.items():
            found[name] = self.state.dense[member, at : at + size]
            at += size
        return found

    def set_active(self, member: int, parts: Sequence[Active]) -> None:
        """Give each layer of a network other active weights; all together are as many as before."""
        whole = slice(int(self.state.starts[member]), int(self.state.starts[member + 1]))
        self.counts[member] = [part.positions.size for part in parts]
        self.positions[whole] = np.concatenate([part.positions for part in parts])
        self.state.values[whole] = np.concatenate([part.values for part in parts])
        self.state.momenta[whole] = np.concatenate([part.momenta for part in parts])
        self.state.gradients[whole] = np.concatenate([part.gradients for part in parts])
        self._index(member)

    def active(self, member: int, layer: int) -> Active:
        """The active weights of a layer of a network, as views."""
        span = self.span(member, layer)
        state = self.state
        return Active(self.positions[span], state.values[span], state.momenta[span], state.gradients[span])

    def _for(self, examples: int) -> tuple[Shape, list[Numbers], list[NDArray[np.uint8]]]:
        """The tables for a batch of so many examples, and the memory of each thread."""
        tables = self.plan.tables(examples)
        if tables.groups not in self._shapes:
            one = self.structures
            full, starts, rows = one.full
            self._shapes[tables.groups] = Shape(
                groups=tables.groups,
                buffers=tables.buffers,
                ops=tables.ops,
                stretches=tables.stretches,
                reals=tables.reals,
                addresses=np.zeros((5, len(self.plan.nodes)), np.int64),
                rows=one.rows,
                columns=one.columns,
                full=full,
                full_rows=rows,
                full_starts=starts,
                sizes=one.sizes,
                kept=self.kept[0],
            )
            self._spaces[tables.groups] = (
                [aligned_zeros(tables.numbers, self.dtype) for _ in range(self.threads.count)],
                [np.zeros(tables.remembered, np.uint8) for _ in range(self.threads.count)],
            )
            self._link(tables.groups)
        return self._shapes[tables.groups], *self._spaces[tables.groups]

    def _link(self, groups: int) -> None:
        """Find, or compile, what computes the operations."""
        shape, space, memory = self._shapes[groups], self._spaces[groups][0][0], self._spaces[groups][1][0]
        work = self._work(np.zeros((1, 0), self.dtype), np.zeros((1, 0), np.int64), [0] * self.size, 0.0, Extra())
        arguments = (0, 0, (0, groups), shape, self.state, work, space, memory)
        shape.addresses[:] = addresses(self.plan, arguments)

    def _work(
        self, inputs: Numbers, targets: NDArray[np.int64], batches: Sequence[int], smoothing: float, extra: Extra
    ) -> Work:
        every, linear_too = np.full(self.size, -1, np.int64), np.zeros(self.size, np.int64)
        every[list(extra.convolutions)] = np.arange(len(extra.convolutions))
        linear_too[list(extra.all_layers)] = 1
        slots = np.full(self.size, -1, np.int64)
        slots[list(extra.recorded)] = extra.slot
        rows = len(extra.convolutions)
        history = extra.history if extra.history is not None else np.empty((0, 1, 1), self.dtype)
        return Work(
            members=self._order,
            batches=np.asarray(batches, np.int64),
            inputs=inputs,
            targets=targets,
            smoothing=smoothing,
            losses=np.zeros(self.size),
            every=every,
            full_gradients=np.zeros((rows, int(self.structures.sizes[-1]) if rows else 1), self.dtype),
            linear_too=linear_too,
            slots=slots,
            history=history,
        )


def _kept(plan: Plan, lanes: int) -> tuple[NDArray[np.int64], int]:
    found, at = [], 0
    for number in plan.products:
        node, row = plan.nodes[number], [-1, -1]
        if node.kind == Kind.LINEAR:
            if number > 0:  # the inputs of the first layer are the batch, which networks share
                row[0], at = at, at + node.inputs[0] * lanes
            row[1], at = at, at + node.outputs[0] * lanes
        found.append(row)
    return np.array(found, np.int64).reshape(-1, 2), at
