"""The momentum of inactive weights, for those that will grow: nothing is gathered for the others.

A weight that grows keeps the momentum that gathered while it was inactive, Σ μᵏ · g of the last steps. Steps that weigh
less than rounding need not be remembered. Of a linear layer the factors of the gradients of those steps are kept, and
the sum is made where weights grow. Of a convolution the factors are large and the weights few, so their dense gradients
are added up in the steps before an update.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.training.engines.sparse.memory import aligned
from benchmark.training.engines.sparse.networks import SparseNetworks
from benchmark.training.engines.sparse.products import compiled
from benchmark.training.engines.sparse.stepping import Numbers
from benchmark.training.engines.sparse.structure import Indices
from benchmark.training.engines.sparse.table import Kind
from benchmark.training.engines.sparse.tiles import VECTORS, tile_load, tile_products
from benchmark.training.engines.sparse.vectors import LANES, add_product, load, total, zero

NEGLIGIBLE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-16}
"""What a step weighs that is forgotten, beside the last one: about the rounding of a gradient."""


@dataclass(frozen=True)
class Left:
    """Weights of one layer that became inactive, each array [weights], positions increasing."""

    positions: Indices
    momenta: Numbers
    steps: NDArray[np.int64]
    """How many optimizer steps were done then."""


@dataclass(frozen=True)
class Due:
    """When a network's topology is updated."""

    period: int
    before_optimizer: bool

    def update_after(self, step: int) -> int:
        """The first step with an update that what ``step`` adds to the momentum counts for."""
        return (step // self.period + 1 if self.before_optimizer else -(-step // self.period)) * self.period


class InactiveMomentum:
    """What the momentum of inactive weights would be."""

    def __init__(self, networks: SparseNetworks, momentum: float, dues: Sequence[Due | None]) -> None:
        """``dues`` has None for networks of which nobody reads such momentum."""
        self._networks, self._momentum, self._dues = networks, momentum, dues
        self.length = math.ceil(math.log(NEGLIGIBLE[networks.dtype]) / math.log(momentum)) if momentum > 0 else 0
        """Steps that count."""
        self.done = 0
        """Optimizer steps that are done."""
        layers = range(len(networks.names))
        self._left = [[_nothing_left(networks.dtype) for _ in layers] for _ in dues]
        plan = networks.plan
        self._linear = [plan.nodes[n].kind == Kind.LINEAR for n in plan.products]
        self._sums: dict[int, list[Numbers]] = {
            m: [
                np.zeros(0 if self._linear[n] else int(np.prod(networks.structures.layers[n].shape)), networks.dtype)
                for n in layers
            ]
            for m, due in enumerate(dues)
            if due is not None
        }
        slots = min(self.length, max((due.period for due in dues if due is not None), default=0))
        # a window may reach over several updates; only what lies in it is kept
        slots = self.length if slots else 0
        shape = (len(dues), slots, networks.kept[1])
        self.history = aligned(math.prod(shape), networks.dtype).reshape(shape)
        self._batches: list[tuple[int, Numbers] | None] = [None] * slots
        self._groups = [0] * slots
        self._recorded = np.zeros((len(dues), slots), np.int64)
        """The step whose factors each slot has, from 1; 0 where it has none."""

    def recorded(self, step: int) -> list[int]:
        """Networks for which ``step`` counts."""
        return [m for m, due in enumerate(self._dues) if due and due.update_after(step) - step < self.length]

    def slot(self, step: int) -> int:
        """Where the factors of ``step`` are kept."""
        return step % max(self.length, 1)

    def keep(self, step: int, members: Sequence[int], inputs: Numbers, groups: int) -> None:
        """The factors of ``step`` are kept for ``members``, and these are the batches that it was made on."""
        if members:
            slot = self.slot(step)
            self._recorded[:, slot] = 0
            self._recorded[list(members), slot] = step
            self._batches[slot], self._groups[slot] = (step, inputs), groups

    def add(self, members: Sequence[int], gradients: Numbers) -> None:
        """The optimizer did a step; ``gradients`` are those of all weights, [members, weights]."""
        self.done += 1
        sizes = self._networks.structures.sizes
        for row, member in enumerate(members):
            if member not in self._sums:
                continue
            due = self._dues[member]
            begins = due is not None and due.update_after(self.done) - self.done == self.length - 1
            for layer, sums in enumerate(self._sums[member]):
                if sums.size:
                    new = gradients[row, sizes[layer] : sizes[layer + 1]]
                    sums *= 0 if begins and due and due.period >= self.length else self._momentum
                    sums += new

    def of(self, member: int, layer: int, positions: Indices, batch: int) -> Numbers:
        """The momentum of inactive weights of a layer at ``positions`` (increasing); ``batch`` is the network's.

        Raises ``ValueError`` for a network of which nobody was said to read it.
        """
        if member not in self._sums:
            raise ValueError(f"the momentum of inactive weights of member {member} was not followed")
        if not self._linear[layer]:
            return self._sums[member][layer][positions]
        left = self._left[member][layer]
        found = np.zeros(positions.size, self._networks.dtype)
        since = np.zeros(positions.size, np.int64)
        at = np.minimum(np.searchsorted(left.positions, positions), max(left.positions.size - 1, 0))
        if left.positions.size:
            known = left.positions[at] == positions
            since[known] = left.steps[at[known]]
            found[known] = left.momenta[at[known]] * self._momentum ** (self.done - since[known]).astype(float)
        (x_at, d_at), geometry = self._networks.kept[0][layer], self._networks.structures.layers[layer]
        steps = self._recorded[member]
        for slot in np.argsort(steps, kind="stable"):
            step = int(steps[slot])
            kept = self._batches[slot]
            if step <= self.done - self.length or step == 0 or step > self.done or kept is None:
                continue
            numbers = self.history[member, slot]
            x = kept[1][batch] if x_at < 0 else numbers[x_at:]
            factor = self._momentum ** (self.done - step)
            unit = self._groups[slot] * LANES
            _add(positions, geometry.fan_in, x, numbers[d_at:], unit, factor, since, step, found)
        return found

    def leave(self, member: int, layer: int, positions: Indices, momenta: Numbers, grown: Indices) -> None:
        """Active weights at ``positions`` (increasing) became inactive with ``momenta``, and ``grown`` active."""
        if member not in self._sums:
            return
        if not self._linear[layer]:
            self._sums[member][layer][positions] = momenta
            return
        old = self._left[member][layer]
        stays = (old.steps > self.done - self.length) & ~np.isin(old.positions, grown)
        joined = np.concatenate([old.positions[stays], positions])
        order = np.argsort(joined, kind="stable")
        steps = np.concatenate([old.steps[stays], np.full(positions.size, self.done)])
        self._left[member][layer] = Left(
            joined[order], np.concatenate([old.momenta[stays], momenta])[order], steps[order]
        )

    def state_dict(self) -> dict[str, Any]:
        """All that later updates depend on."""
        slots = [n for n, kept in enumerate(self._batches) if kept is not None and kept[0] > self.done - self.length]
        return {
            "done": self.done,
            "left": [[(each.positions, each.momenta, each.steps) for each in layers] for layers in self._left],
            "sums": self._sums,
            "slots": slots,
            "history": self.history[:, slots],
            "batches": [self._batches[n] for n in slots],
            "groups": list(self._groups),
            "recorded": self._recorded,
        }

    def load_state_dict(self, state: Any) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.done = int(state["done"])
        self._left = [[Left(*map(np.asarray, each)) for each in layers] for layers in state["left"]]
        for member, layers in self._sums.items():
            for own, saved in zip(layers, state["sums"][member], strict=True):
                own[:] = saved
        self._batches = [None] * len(self._batches)
        for n, batches, factors in zip(
            state["slots"], state["batches"], np.swapaxes(np.asarray(state["history"]), 0, 1), strict=True
        ):
            self._batches[n] = (int(batches[0]), np.asarray(batches[1]))
            self.history[:, n] = factors
        self._groups = list(state["groups"])
        self._recorded[:] = state["recorded"]


def _nothing_left(dtype: np.dtype[np.floating]) -> Left:
    return Left(np.zeros(0, np.int32), np.zeros(0, dtype), np.zeros(0, np.int64))


# long because compiled code is given its arrays one by one
@compiled
def _add(
    positions: Any, fan_in: int, x: Any, d: Any, unit: int, factor: float, since: Any, step: int, into: Any
) -> None:
    """Add ``factor`` times the gradient of one step at ``positions`` that were inactive by then."""
    last = -1
    tile = tile_load(d, 0, 0, 0, 0)
    for n in range(positions.size):
        output, feature = positions[n] // fan_in, positions[n] % fan_in
        if since[n] >= step:
            continue
        if unit == VECTORS * LANES:
            if output != last:
                tile = tile_load(d, output * unit, LANES, 2 * LANES, 4 * LANES)
                last = output
            gradient = total(tile_products(tile, x, feature * unit, LANES, 2 * LANES, 4 * LANES))
        else:
            sums = zero(x)
            for at in range(0, unit, LANES):
                sums = add_product(sums, load(d, output * unit + at), x, feature * unit + at)
            gradient = total(sums)
        into[n] += into.dtype.type(factor) * gradient
