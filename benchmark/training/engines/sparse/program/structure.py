"""The index structures of a network's sparse layers: made from the positions of its active weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.training.engines.sparse.chain import Node
from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.narrow import row_width
from benchmark.training.engines.sparse.program.arguments import State
from benchmark.training.engines.sparse.program.plan import Plan

Indices = NDArray[np.int32]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Geometry:
    """Where the weights of one output of a layer look, in the order of torch's weights."""

    name: str
    shape: tuple[int, ...]
    places: Indices
    """Positions in the input's buffer, from that of the first input."""
    looks: Indices
    """Positions in the buffer of the output's gradient, for output 0, as the transposed product reads it."""
    columns: Indices
    """Row of the kernel, counted over the input channels; of narrow images over the columns of their kernels too."""
    output: int
    """Positions from an output to the next in the buffer of its gradient."""
    block: int
    """Outputs that the transposed product handles together: columns and outputs are counted anew in each block."""

    @property
    def fan_in(self) -> int:
        """Weights of one output of a full layer."""
        return self.places.size

    @property
    def block_columns(self) -> int:
        """Columns of one block."""
        return int(self.columns.max()) + 1


class Structures:
    """What the layers of one plan have in common, and the structures of a network with given active weights."""

    def __init__(self, plan: Plan) -> None:
        self.layers = [_geometry(plan, number) for number in plan.products]

    @cached_property
    def rows(self) -> Counts:
        """Where the row pointers of each layer begin, int64 [layers + 1]."""
        return starts([layer.shape[0] + 1 for layer in self.layers])

    @cached_property
    def columns(self) -> Counts:
        """Where the column pointers of each layer begin, int64 [layers + 1]."""
        blocks = [-(-layer.shape[0] // layer.block) for layer in self.layers]
        return starts([layer.block_columns * count + 1 for layer, count in zip(self.layers, blocks, strict=True)])

    @cached_property
    def sizes(self) -> Counts:
        """Where the weights of each layer begin in a full network, int64 [layers + 1]."""
        return starts([layer.shape[0] * layer.fan_in for layer in self.layers])

    @cached_property
    def full(self) -> tuple[Indices, Counts, Counts]:
        """Places of all weights of one output of each layer, where each layer's begin, and a full network's rows."""
        rows = [np.arange(layer.shape[0] + 1) * layer.fan_in for layer in self.layers]
        begins = starts([layer.fan_in for layer in self.layers])
        return np.concatenate([layer.places for layer in self.layers]), begins, np.concatenate(rows)

    def index(self, state: State, member: int, positions: Indices, counts: Counts) -> None:
        """Write the structures of a network whose layers have ``counts`` active weights at ``positions``, sorted.

        Positions count from the first weight of their layer.
        """
        begin, first = int(state.starts[member]), 0
        for number, (layer, count) in enumerate(zip(self.layers, counts, strict=True)):
            rows = state.rows[member, self.rows[number] : self.rows[number + 1]]
            columns = state.columns[member, self.columns[number] : self.columns[number + 1]]
            span = slice(begin + first, begin + first + int(count))
            parts = (state.places[span], state.index[span], state.looks[span])
            active = positions[first : first + int(count)]
            about = (first, layer.output, layer.block, layer.block_columns)
            _fill(active, about, layer.places, layer.looks, layer.columns, rows, columns, *parts)
            first += int(count)


def starts(sizes: Sequence[int] | Counts) -> Counts:
    """Where each of some parts begins, and the end of the last."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _geometry(plan: Plan, number: int) -> Geometry:
    node: Node = plan.nodes[number]
    inputs, gradient = plan.input_image(number), plan.gradient_image(number)
    channels, rows, columns = np.meshgrid(*(np.arange(n) for n in (node.inputs[0], *node.kernel)), indexing="ij")
    height, width = inputs.stored
    places = channels * height * width + rows * width + columns
    if block := plan.blocks[number]:
        width = row_width(node)
        looks, output = -rows * width, node.outputs[1] * width
        order = (channels * node.kernel[1] + columns) * node.kernel[0] + rows
    else:
        down, right = node.padding[0] + gradient.border[0], node.padding[1] + gradient.border[1]
        looks = (down - rows) * gradient.stored[1] + right - columns
        output = gradient.stored[0] * gradient.stored[1]
        order = channels * node.kernel[0] + rows
    flat = [each.ravel().astype(np.int32) for each in (places, looks, order)]
    return Geometry(
        node.tensor("weight"), node.weight_shape, flat[0], flat[1], flat[2], output, block or node.outputs[0]
    )


# long because compiled code is given its arrays one by one
@compiled
def _fill(
    positions: Any,
    about: Any,
    all_places: Any,
    all_looks: Any,
    all_columns: Any,
    rows: Any,
    columns: Any,
    places: Any,
    index: Any,
    looks: Any,
) -> None:
    """One layer; ``index`` is sorted by block and column, then by position (a counting sort).

    ``about`` is the layer's first weight, the positions of an output, outputs in a block, and columns of a block.
    """
    first, output, block, apart = about
    fan_in = all_places.size
    rows[:] = 0
    columns[:] = 0
    for n in range(positions.size):
        row, within = positions[n] // fan_in, positions[n] % fan_in
        places[n] = all_places[within]
        rows[row + 1] += 1
        columns[row // block * apart + all_columns[within] + 1] += 1
    rows[0] = columns[0] = first
    for n in range(1, rows.size):
        rows[n] += rows[n - 1]
    for n in range(1, columns.size):
        columns[n] += columns[n - 1]
    free = columns[:-1] - first
    for n in range(positions.size):
        row, within = positions[n] // fan_in, positions[n] % fan_in
        column = row // block * apart + all_columns[within]
        at = free[column]
        free[column] += 1
        index[at] = first + n
        looks[at] = row % block * output + all_looks[within]
