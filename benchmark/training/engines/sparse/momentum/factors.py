"""The factors of the gradients of linear layers in the last steps, and sums of those gradients at weights asked for.

The gradient of a weight is the product of a row of its inputs with a row of its output's gradient, so a step is kept in
little memory, and a sum over steps costs what the weights cost that are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.tiles import VECTORS, tile_load, tile_products
from benchmark.training.engines.sparse.kernels.vectors import LANES, add_product, load, total, zero
from benchmark.training.engines.sparse.networks import SparseNetworks
from benchmark.training.engines.sparse.program.counters import take_number
from benchmark.training.engines.sparse.program.memory import aligned, fetch
from benchmark.training.engines.sparse.program.stepping import Numbers
from benchmark.training.engines.sparse.program.structure import Indices
from benchmark.training.engines.sparse.table import Kind

STRETCHES = 8
"""Parts of the steps, each the work of one thread; always as many, so that the number of threads changes no bit."""


@dataclass(frozen=True)
class Asked:
    """Weights of one layer of one network whose sum is asked for; each array [weights], positions increasing."""

    member: int
    layer: int
    positions: Indices
    since: NDArray[np.int64]
    """The last step whose gradient is not to be added."""
    found: Numbers
    """What the sum is added to."""


class Factors:
    """A ring of the last ``length`` steps; a step is in slot ``step % length``."""

    def __init__(self, networks: SparseNetworks, batches: Sequence[int], length: int, momentum: float) -> None:
        """``batches`` says which batch each network sees; the networks keep those of as many steps."""
        self._networks, self._batches, self.length = networks, batches, length
        dtype, size = networks.dtype, len(batches)
        numbers = networks.factor_numbers
        self.history = aligned(size * length * numbers, dtype).reshape(size, length, numbers)
        """[networks, slots, numbers], where a step writes; `Shape.factor_places` says what is where."""
        self._lanes = np.zeros(length, np.int64)
        self._steps = np.zeros((size, length), np.int64)
        """The step whose factors each slot has, from 1; 0 where it has none."""
        self.weights = np.array([momentum**ago for ago in range(length)])
        """What the gradient, or the momentum, of so many steps ago weighs."""
        self._begun: list[tuple[Sequence[Asked], Wanted]] = []

    def slot(self, step: int) -> int:
        """Where the factors of ``step`` are kept."""
        return step % max(self.length, 1)

    def keep(self, step: int, members: Sequence[int], groups: int) -> None:
        """The factors of ``step``, whose batches are as many groups of lanes, are kept for ``members``."""
        slot = self.slot(step)
        self._steps[:, slot] = 0
        self._steps[list(members), slot] = step
        self._lanes[slot] = groups * LANES

    def add_up(self, asked: Sequence[Asked], done: int) -> None:
        """Add the gradients of the steps up to ``done`` to what is asked for, each with what it weighs by now."""
        self.begin(asked, done)
        self.finish()

    def begin(self, asked: Sequence[Asked], done: int) -> None:
        """The same, which other threads do from now on; it is there after :meth:`finish`."""
        asked = [each for each in asked if each.positions.size]
        if not asked:
            return
        self._networks.finish()
        wanted = self._wanted(asked)
        ring = Ring(self.history, self._networks.batches.inputs, self._lanes, self._steps, self.weights)
        self._networks.threads.begin(lambda queue, _thread: _add_up(queue, wanted, ring, done))
        self._begun.append((asked, wanted))

    def finish(self) -> None:
        """Add what was begun to what was asked for."""
        begun, self._begun = self._begun, []
        if begun:
            self._networks.threads.wait()
        for asked, wanted in begun:
            found = wanted.sums.sum(0)
            for each, (begin, end) in zip(asked, wanted.pieces[:, :2], strict=True):
                each.found[:] += found[begin:end]

    def state_dict(self, done: int) -> dict[str, Any]:
        """What sums of later steps depend on."""
        self._networks.finish()
        known = (self._steps > done - self.length).any(0)
        slots, batches = np.flatnonzero(known), self._batches_of(self._steps.max(0)[known])
        return {
            "slots": slots,
            "history": self.history[:, slots],
            "inputs": self._networks.batches.inputs[batches],
            "lanes": self._lanes,
            "steps": self._steps,
        }

    def load_state_dict(self, state: Any) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.history[:, state["slots"]] = state["history"]
        self._lanes[:] = state["lanes"]
        self._steps[:] = state["steps"]
        self._networks.batches.load(self._batches_of(self._steps.max(0)[state["slots"]]), state["inputs"])

    def _batches_of(self, steps: NDArray[np.int64]) -> list[int]:
        """Where the batches of some steps are, if they are the inputs of a linear layer."""
        first_is_linear = self._networks.plan.nodes[0].kind == Kind.LINEAR
        return [self._networks.slot(int(step)) for step in steps] if first_is_linear else []

    def _wanted(self, asked: Sequence[Asked]) -> "Wanted":
        pieces: list[tuple[int, ...]] = []
        outputs, inputs = [], []
        begin, row = 0, self._networks.lanes // LANES  # vectors that the history has of each feature
        for each in asked:
            end = begin + each.positions.size
            layer, places = self._networks.structures.layers[each.layer], self._networks.factor_places[each.layer]
            what = (each.member, self._batches[each.member], layer.fan_in, *places)
            pieces.append((begin, end, *what))
            begin = end
            output, feature = np.divmod(each.positions, layer.fan_in)
            outputs.append(output * row)
            inputs.append(feature if places[0] < 0 else feature * row)
        return Wanted(
            np.array(pieces, np.int64),
            np.concatenate(outputs),
            np.concatenate(inputs),
            np.concatenate([each.since for each in asked]),
            np.zeros((STRETCHES, begin), self.history.dtype),
        )


class Wanted(NamedTuple):
    """All that is asked for, one after the other."""

    pieces: Any
    """int64 [pieces, 7]: the first weight and the one after the last, network, batch, inputs of the layer, where a step
    keeps them (-1: they are the batch) and the gradient of its outputs."""
    outputs: Any
    """int32: where the first lanes of the gradient of each weight's output are, in vectors."""
    inputs: Any
    """The same of its input."""
    since: Any
    sums: Any
    """[stretches, weights]."""


class Ring(NamedTuple):
    """What is kept of the last steps."""

    history: Any
    inputs: Any
    """[slots, numbers]: batches, which have slots of their own."""
    lanes: Any
    """int64 [slots]: of a step's batches."""
    steps: Any
    """int64 [networks, slots]."""
    weights: Any
    """float64 [slots]: what a step weighs that was so many steps ago."""


@compiled
def _add_up(queue: Any, wanted: Wanted, ring: Ring, done: int) -> None:
    """The stretches of the steps that ``queue`` has left."""
    length = ring.weights.size
    stretch = take_number(queue)
    while stretch < STRETCHES:
        first = done - length + stretch * length // STRETCHES + 1
        end = done - length + (stretch + 1) * length // STRETCHES + 1
        for step in range(max(1, first), end):
            _add_step(wanted, wanted.sums[stretch], ring, step, done)
        stretch = take_number(queue)


@compiled
def _add_step(wanted: Wanted, into: Any, ring: Ring, step: int, done: int) -> None:
    """The gradients of one step."""
    slot, weight = step % ring.weights.size, ring.weights[done - step]
    for begin, end, member, batch, features, x_at, d_at in wanted.pieces:
        if ring.steps[member, slot] != step:
            continue
        lanes, numbers = ring.lanes[slot], ring.history[member, slot]
        x, group = numbers[x_at:], LANES
        if x_at < 0:
            seen = ring.inputs[step % ring.inputs.shape[0]]
            x, group = seen[batch * features * lanes :], features * LANES
        if end - begin > features:  # they are all read, here and there
            fetch(x[: features * lanes])
        _add(wanted, into, begin, end, x, group, numbers[d_at:], lanes // LANES, weight, step)


# long because compiled code is given its arrays one by one
@compiled
def _add(
    wanted: Wanted,
    into: Any,
    begin: int,
    end: int,
    x: Any,
    group: int,
    d: Any,
    groups: int,
    weight: float,
    step: int,
) -> None:
    """The gradient of one step at weights that were inactive by then."""
    last = -1
    factor = into.dtype.type(weight)
    x_strides, d_strides = (group, 2 * group, 4 * group), (LANES, 2 * LANES, 4 * LANES)
    tile = tile_load(d, 0, (0, 0, 0))
    for n in range(begin, end):
        output, place = wanted.outputs[n] * LANES, wanted.inputs[n] * LANES
        if wanted.since[n] >= step:
            continue
        if groups == VECTORS:
            if output != last:
                tile = tile_load(d, output, d_strides)
                last = output
            gradient = total(tile_products(tile, x, place, x_strides))
        else:
            sums = zero(x)
            for g in range(groups):
                sums = add_product(sums, load(d, output + g * LANES), x, place + g * group)
            gradient = total(sums)
        into[n] += factor * gradient
