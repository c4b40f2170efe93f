"""Networks of one model with sparse weights, which train together: their values and what is computed with them."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.training.engines.engine import Batch
from benchmark.training.engines.sparse.chain import nodes
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.program.arguments import State, Steps
from benchmark.training.engines.sparse.program.batches import Batches, examples_of, in_batches
from benchmark.training.engines.sparse.program.beginning import first_state
from benchmark.training.engines.sparse.program.plan import Plan
from benchmark.training.engines.sparse.program.stepping import Active, Extra, Numbers, Sgd, Step
from benchmark.training.engines.sparse.program.structure import Structures
from benchmark.training.engines.sparse.program.threads import Threads
from benchmark.training.engines.sparse.program.whole_steps import evaluate, optimise, retrace, train
from benchmark.training.engines.sparse.program.work import evaluation, gathered, most_steps, unlaid
from benchmark.training.engines.sparse.program.workspace import Workspace, Workspaces, places_of_factors


class SparseNetworks:
    """The state of the networks of a fleet, and their steps.

    Steps wait until there are some, or until somebody reads what they make: then threads go through several of them
    without waiting for each other after every one, while the caller gathers the next ones.
    """

    # long because it takes what a fleet is
    def __init__(
        self,
        module: nn.Module,
        inputs: tuple[int, ...],
        weights: Mapping[str, Tensor],
        buffers: Mapping[str, Tensor],
        masks: Mapping[str, Tensor],
        batches: Sequence[int],
        batch_size: int,
        threads: int,
        smoothing: float = 0.0,
        remembered: int = 0,
    ) -> None:
        """``weights``, ``buffers`` and ``masks`` are those of all networks, each tensor [networks, *shape].

        Network m sees batch ``batches[m]`` of each step, of ``batch_size`` examples at most. The batches of the last
        ``remembered`` steps stay where they are laid out.
        """
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
        self._waiting: list[Step] = []
        self._begun: tuple[Steps, list[Step]] | None = None
        """Steps that threads go through, as they have them and as they were asked for."""
        self._due: Sgd | None = None
        self.index_all()
        self._order = _longest_first(self._state)
        self.lanes = self.plan.groups(batch_size) * LANES
        """Of a whole batch."""
        self.factor_places, self.factor_numbers = places_of_factors(self.plan, self.lanes)
        """Where a step of the history keeps what, as in `Shape.factor_places`, and how many numbers it is."""
        self._workspaces = Workspaces(self.plan, self.structures, self.factor_places, self.lanes, self._state, threads)
        self._examples = 0
        """In each batch of the last step."""
        self._sees, self._smoothing = np.asarray(batches, np.int64), smoothing
        self._most = most_steps(self.plan, self.counts, self.lanes)
        slots = max(remembered, self._most)
        self.batches = Batches(self.plan, slots, max(batches) + 1, batch_size, self.dtype)
        """Those of step n are in slot ``n % slots``."""
        self._laid_out: Batches | None = None
        self.losses = np.zeros(self.size)
        """Of the last step, float64 [networks]."""
        self.lost = np.zeros(self.size, bool)
        """Networks that had a loss which is not a finite number."""
        self.full_gradients: Numbers = np.zeros((0, 1), self.dtype)
        """Of all weights, [networks that the last step was to make them of, weights]."""
        self.spent: NDArray[np.float64] | None = None
        """Seconds of each thread in each operation, [threads, ways, operations], to which steps and evaluations add;
        None where nobody measures them."""

    @property
    def state(self) -> State:
        """The networks as they are, with every step that was asked for."""
        self.finish()
        if (due := self._due) is not None:
            self._due, sgd = None, np.array(due.settings)
            self.threads.run(lambda queue, _thread: optimise(queue, self._state, sgd))
        return self._state

    def span(self, member: int, layer: int) -> slice:
        """Where the active weights of a layer of a network are."""
        first = int(self._state.starts[member]) + int(self.counts[member, :layer].sum())
        return slice(first, first + int(self.counts[member, layer]))

    def _index(self, member: int) -> None:
        """Make the index structures of a network from its positions."""
        whole = slice(int(self.state.starts[member]), int(self.state.starts[member + 1]))
        self.structures.index(self.state, member, self.positions[whole], self.counts[member])

    def step(self, number: int, batch: Batch, extra: Extra) -> None:
        """Ask for the losses and gradients of step ``number``, which are made when they are read, or a little later."""
        targets = batch.targets.numpy()
        examples = targets.shape[1]
        if examples != self._examples:
            self.finish()
        self._examples = examples
        slot = self.slot(number)
        self.batches.make_room(slot, examples)
        self._waiting.append(Step(slot, examples_of(batch, self.dtype), targets, extra, self._due))
        self._due = None  # a network's optimizer step is done on the way: its weights are in the caches then
        if extra.convolutions:
            self.finish()
        elif len(self._waiting) == self._most:
            self._begin_waiting()

    def slot(self, number: int) -> int:
        """Where the batches of a step are."""
        return number % len(self.batches.inputs)

    def finish(self) -> None:
        """Make the gradients that were asked for; those of active weights and of dense parameters go to the state."""
        if self._waiting:
            self._begin_waiting()
        if self._begun is not None:
            (steps, _), self._begun = self._begun, None
            self.threads.wait()
            self.losses, self.full_gradients = steps.losses[-1], steps.full_gradients
            self.lost |= ~np.isfinite(steps.losses).all(0)

    def _begin_waiting(self) -> None:
        """Begin the steps that wait, once those that were begun before are done."""
        waiting, self._waiting = self._waiting, []
        self.finish()
        self._begun = self._begin(waiting), waiting

    def retrace(
        self, steps: Sequence[Step], state: State, wanted: State, momentum: float, sees: NDArray[np.int64]
    ) -> None:
        """Gather the momentum of ``wanted`` weights of networks of this model in steps that these have done.

        ``state`` is what does not change in these steps, and has room for what does. The batches are laid out; network
        m sees batch ``sees[m]``.
        """
        for _, alike in groupby(steps, key=lambda step: step.targets.shape[1]):
            made, space = self._gathered(list(alike), _longest_first(state), sees)

            def compute(queue: Any, thread: int, made: Steps = made, space: Workspace = space) -> None:
                numbers, remembered = space.numbers[thread], space.remembered[thread]
                retrace(queue, space.shape, state, wanted, made, momentum, numbers, remembered)

            self.threads.run(compute)

    def _begin(self, waiting: Sequence[Step]) -> Steps:
        """Let threads go through steps with as many examples each."""
        steps, space = self._gathered(waiting, self._order, self._sees)
        state, members = self._state, self.size
        done, new = np.zeros(members, np.int64), unlaid(self.plan, [step.examples for step in waiting])

        def compute(queue: Any, thread: int) -> None:
            if thread < members:  # the others would only wait
                numbers, remembered = space.numbers[thread], space.remembered[thread]
                train(queue, done, new, space.shape, state, steps, numbers, remembered, self._spent(thread))

        self.threads.begin(compute)
        return steps

    def _gathered(
        self, waiting: Sequence[Step], order: NDArray[np.int64], sees: NDArray[np.int64]
    ) -> tuple[Steps, Workspace]:
        """Steps as compiled code takes them, and what they are computed with."""
        examples = waiting[0].targets.shape[1]
        numbers = len(waiting[0].targets) * self.batches.numbers(examples)
        weights = int(self.structures.sizes[-1])
        steps = gathered(waiting, order, sees, self.batches.inputs, numbers, self._smoothing, weights)
        return steps, self._workspaces.of(examples)

    def logits(self, inputs: Tensor, examples: int) -> Numbers:
        """Logits [networks, N, classes] as in an evaluation, of ``inputs`` [N, *shape] in batches of ``examples``."""
        space = self._workspaces.of(examples)
        seen = in_batches(inputs, examples, self.dtype)
        batches = len(seen.rows)
        state, size = self.state, batches * self.batches.numbers(examples)
        if self._laid_out is None or self._laid_out.inputs.size < size:
            self._laid_out = Batches(self.plan, 1, batches, examples, self.dtype)
        work = evaluation(self._order, self._laid_out.inputs[0, :size].reshape(batches, -1), examples)
        found = np.empty((self.size, batches * examples, self.plan.nodes[-1].outputs[0]), self.dtype)
        new = unlaid(self.plan, [seen])

        def compute(queue: Any, thread: int) -> None:
            numbers, remembered = space.numbers[thread], space.remembered[thread]
            evaluate(queue, new, space.shape, state, work, numbers, remembered, self._spent(thread), found)

        self.threads.run(compute)
        return found[:, : len(inputs)]

    def _spent(self, thread: int) -> NDArray[np.float64] | None:
        return None if self.spent is None else self.spent[thread]

    def optimise(self, how: Sgd) -> None:
        """One step of SGD of all networks, which is done when their next gradients are made, or their state is read."""
        if self._due is not None:  # no gradients were asked for since
            self.state  # noqa: B018
        self._due = how

    def read_by_evaluations(self) -> dict[str, NDArray[Any]]:
        """What evaluations read, by name; the arrays are those of the state."""
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
        return {**self.read_by_evaluations(), "momenta": self.state.momenta, "dense_momenta": self.state.dense_momenta}

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


def _longest_first(state: State) -> NDArray[np.int64]:
    """The networks in an order in which no thread waits for long at the end."""
    return np.argsort(-np.diff(state.starts), kind="stable")
