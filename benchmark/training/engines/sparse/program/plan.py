"""Where everything is: the tables that compiled code reads, for a chain of operations and a number of examples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmark.training.engines.sparse.chain import Node, Pair, Shape
from benchmark.training.engines.sparse.kernels import filtering, filtering_back
from benchmark.training.engines.sparse.kernels.narrow import block_of, laid_out
from benchmark.training.engines.sparse.kernels.tiles import VECTORS
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.program.division import one_by_one, stretches, strides, tile_shape
from benchmark.training.engines.sparse.table import BUFFER_COLUMNS, OP_COLUMNS, Buffer, Kind, Op

Table = NDArray[np.int64]


@dataclass(frozen=True)
class Image:
    """How the channels of one buffer are stored."""

    shape: Shape
    border: Pair = (0, 0)
    """Zeros above and below, and left and right."""
    gap: Pair = (1, 1)
    """Rows and columns from one pixel to the next."""
    extra: Pair = (0, 0)
    """More zeros below and to the right."""
    relu: bool = False

    @property
    def stored(self) -> Pair:
        """Height and width with the border and the gaps."""
        return _stored(self, 0), _stored(self, 1)

    @property
    def positions(self) -> int:
        """Of all channels."""
        return self.shape[0] * math.prod(self.stored)

    def row(self, start: int, corner: Pair = (0, 0)) -> list[int]:
        """Its row of the table; ``corner`` is the part of the border that the product that reads it has."""
        height, width = self.stored
        first = self.border[0] * width + self.border[1]
        reads = (self.border[0] - corner[0]) * width + self.border[1] - corner[1]
        group, row = self.positions * LANES, self.gap[0] * width
        return [start, group, height, width, first, row, self.gap[1], reads, int(self.relu)]


def _stored(image: Image, side: int) -> int:
    return (image.shape[1 + side] - 1) * image.gap[side] + 1 + 2 * image.border[side] + image.extra[side]


@dataclass(frozen=True)
class Tables:
    """What compiled code reads to run a network on ``groups`` groups of examples."""

    groups: int
    buffers: Table
    ops: Table
    stretches: Table
    """Operations that go through a batch together [stretches, 3]: the first one, the one after the last, and how many
    groups they take at a time, so that what they hand on is still in the caches."""
    reals: NDArray[np.float64]
    numbers: int
    """Size of the workspace."""
    remembered: int
    """Size of the workspace of maxima and of what dropout kept, in bytes."""


@dataclass
class Plan:
    """A chain of operations and where its parameters are."""

    nodes: Sequence[Node]
    _tables: dict[int, Tables] = field(default_factory=dict)

    @cached_property
    def products(self) -> list[int]:
        """Numbers of the nodes with sparse weights."""
        return [number for number, node in enumerate(self.nodes) if node.is_product]

    @cached_property
    def convolves(self) -> bool:
        """Whether there is a convolution."""
        return any(node.kind == Kind.CONVOLUTION for node in self.nodes)

    @cached_property
    def dense_shapes(self) -> dict[str, int]:
        """Sizes of the dense parameters by their names, in the order in which they are stored."""
        found = {}
        for node in self.nodes:
            if node.bias:
                found[node.tensor("bias")] = node.outputs[0]
            if node.kind == Kind.BATCH_NORM:
                found[node.tensor("weight")] = found[node.tensor("bias")] = node.outputs[0]
        return found

    @cached_property
    def statistics(self) -> dict[str, int]:
        """Sizes of batch-norm's running statistics by their names, in the order in which they are stored."""
        found = {}
        for node in self.nodes:
            if node.kind == Kind.BATCH_NORM:
                found[node.tensor("running_mean")] = found[node.tensor("running_var")] = node.outputs[0]
        return found

    @cached_property
    def dropouts(self) -> list[str]:
        """Names of the dropouts, each with a seed and a position."""
        return [node.name for node in self.nodes if _draws(node)]

    @cached_property
    def needs_input_gradient(self) -> list[bool]:
        """Of each node, whether something before it has parameters."""
        found, seen = [], False
        for node in self.nodes:
            found.append(seen)
            seen = seen or node.is_product or node.kind == Kind.BATCH_NORM
        return found

    @cached_property
    def blocks(self) -> list[int]:
        """Of each node, how many outputs its transposed product handles together, where images are narrow; else 0."""
        needed = self.needs_input_gradient
        return [block_of(node) if needed[number] else 0 for number, node in enumerate(self.nodes)]

    def groups(self, examples: int) -> int:
        """Groups of lanes that a batch takes: a power of two, or a multiple of the vectors of a tile."""
        needed = -(-examples // LANES)
        if needed > VECTORS:
            return -(-needed // VECTORS) * VECTORS
        return 1 << (needed - 1).bit_length()

    def input_image(self, number: int) -> Image:
        """How the inputs of a node are stored."""
        node = self.nodes[number]
        before = self.nodes[number - 1] if number else None
        return Image(
            node.inputs,
            border=node.padding if node.is_product else (0, 0),
            relu=before is not None and before.relu,
        )

    def output_image(self, number: int) -> Image:
        """How the outputs of a node are stored: as the next one wants its inputs."""
        if number + 1 == len(self.nodes):
            return Image(self.nodes[number].outputs)
        shape = self.nodes[number].outputs
        return replace(self.input_image(number + 1), shape=shape)

    def gradient_image(self, number: int) -> Image:
        """How the gradient of a node's outputs is stored: with the zeros that its transposed product reads."""
        node = self.nodes[number]
        if node.kind != Kind.CONVOLUTION or not self.needs_input_gradient[number] or self.blocks[number]:
            return Image(node.outputs)
        border = [max(0, k - 1 - p) for k, p in zip(node.kernel, node.padding, strict=True)]
        extra = [
            max(0, node.inputs[1 + i] - 1 + node.padding[i] - (node.outputs[1 + i] - 1) * node.stride[i] - border[i])
            for i in (0, 1)
        ]
        return Image(node.outputs, (border[0], border[1]), node.stride, (extra[0], extra[1]))

    def tables(self, examples: int) -> Tables:
        """The tables for a batch of so many examples."""
        groups = self.groups(examples)
        if groups not in self._tables:
            self._tables[groups] = _Builder(self, groups).build()
        return self._tables[groups]


def _draws(node: Node) -> bool:
    return node.kind == Kind.DROPOUT and node.probability > 0


class _Builder:
    """Fills the tables."""

    def __init__(self, plan: Plan, groups: int) -> None:
        self.plan, self.size = plan, groups
        self.stretches = stretches(plan.nodes, groups)
        self.numbers = self.remembered = 0
        self.rows: list[list[int]] = []

    def build(self) -> Tables:
        plan = self.plan
        outputs, gradients = self._buffers()
        ops = np.zeros((len(plan.nodes), OP_COLUMNS), np.int64)
        dense = statistics = layer = counter = 0
        for number, (node, op) in enumerate(zip(plan.nodes, ops, strict=True)):
            self._describe(op, node)
            op[Op.INPUT] = self._as_inputs(outputs[number - 1], number) if number else 0
            op[Op.OUTPUT] = outputs[number]
            op[Op.OUTPUT_GRADIENT] = gradients[number]
            needed = plan.needs_input_gradient[number]
            op[Op.INPUT_GRADIENT] = self._as_inputs(gradients[number - 1], number) if needed else -1
            op[Op.PARAMETERS] = -1
            if node.bias or node.kind == Kind.BATCH_NORM:
                op[Op.PARAMETERS] = dense
                dense += node.outputs[0] * (2 if node.kind == Kind.BATCH_NORM else 1)
            if node.is_product:
                op[Op.LAYER] = layer
                layer += 1
            if node.kind == Kind.CONVOLUTION:
                self._tiles(op, number)
                self._room(op, number)
            if node.kind == Kind.BATCH_NORM:
                op[Op.STATE] = statistics
                statistics += 2 * node.outputs[0]
                op[Op.SAVED] = self.numbers
                self.numbers += 2 * node.outputs[0]
            elif node.kind in (Kind.MAX_POOLING, Kind.DROPOUT):
                op[Op.STATE] = self.remembered
                self.remembered += math.prod(node.outputs) * self.size * LANES
                op[Op.COUNTER] = counter
                counter += _draws(node)
        reals = np.array([[1 - node.probability, node.momentum, node.epsilon] for node in plan.nodes])
        return Tables(
            self.size, np.array(self.rows, np.int64), ops, self.stretches, reals, self.numbers, self.remembered
        )

    def _buffers(self) -> tuple[list[int], list[int]]:
        """Space for the batch, and for the outputs of every node and their gradients; returns the numbers of these."""
        plan, numbers = self.plan, range(len(self.plan.nodes))
        self.rows.append(plan.input_image(0).row(0, plan.nodes[0].padding))
        turns = [one_by_one(self.stretches, number) for number in numbers]
        # max-pooling remembers which pixels it chose, so that it does not read its inputs again, but its outputs
        pools = [node.kind == Kind.MAX_POOLING for node in plan.nodes] + [False]
        unread = [pools[n + 1] and not pools[n] for n in numbers]
        outputs = [
            self._buffer(plan.output_image(n), self._corner(n + 1), shared=turns[n] and unread[n]) for n in numbers
        ]
        return outputs, [self._buffer(plan.gradient_image(n), shared=turns[n]) for n in numbers]

    def _corner(self, number: int) -> Pair:
        return self.plan.nodes[number].padding if number < len(self.plan.nodes) else (0, 0)

    def _buffer(self, image: Image, corner: Pair = (0, 0), *, shared: bool = False) -> int:
        """Space for an image; with ``shared`` groups have it in turn."""
        row = image.row(self.numbers, corner)
        assert len(row) == BUFFER_COLUMNS
        if shared:
            row[Buffer.GROUP] = 0
        self.rows.append(row)
        self.numbers += image.positions * (1 if shared else self.size) * LANES
        return len(self.rows) - 1

    def _as_inputs(self, buffer: int, number: int) -> int:
        """The buffer as node ``number`` sees it, which may see features where the one before sees images."""
        inputs = self.plan.nodes[number].inputs
        if self.plan.nodes[number - 1].outputs == inputs:
            return buffer
        row = list(self.rows[buffer])
        for column in (Buffer.HEIGHT, Buffer.WIDTH, Buffer.ROW, Buffer.PIXEL):
            row[column] = 1
        self.rows.append(row)
        return len(self.rows) - 1

    def _describe(self, op: Table, node: Node) -> None:
        op[Op.KIND] = node.kind
        op[Op.CHANNELS : Op.WIDTH + 1] = node.inputs
        op[Op.OUT_CHANNELS : Op.OUT_WIDTH + 1] = node.outputs
        op[Op.KERNEL_HEIGHT : Op.KERNEL_WIDTH + 1] = node.kernel
        op[Op.STRIDE_HEIGHT : Op.STRIDE_WIDTH + 1] = node.stride
        op[Op.PADDING_HEIGHT : Op.PADDING_WIDTH + 1] = node.padding
        op[Op.RELU] = node.relu
        op[Op.THRESHOLD] = round(node.probability * 2**24)

    def _room(self, op: Table, number: int) -> None:
        """What a convolution keeps beside its inputs and outputs."""
        node = self.plan.nodes[number]
        if self.plan.blocks[number]:
            op[Op.BLOCK] = self.plan.blocks[number]
            op[Op.SAVED], self.numbers = self.numbers, self.numbers + laid_out(node)
        if filtering.fits(node):
            op[Op.POINTS], self.numbers = self.numbers, self.numbers + filtering_back.numbers_of(node)

    def _tiles(self, op: Table, number: int) -> None:
        node = self.plan.nodes[number]
        rows = [np.array(self.rows[op[c]]) for c in (Op.INPUT, Op.OUTPUT, Op.INPUT_GRADIENT, Op.OUTPUT_GRADIENT)]
        x, y, dx, d = rows
        tile = tile_shape(node.outputs, self.size)
        op[Op.TILE : Op.TILE + 3] = tile
        op[Op.READ : Op.READ + 3] = strides(tile, _steps(x, node.stride))
        op[Op.WRITE : Op.WRITE + 3] = strides(tile, _steps(y))
        tile = tile_shape(node.inputs, self.size)
        op[Op.INPUT_TILE : Op.INPUT_TILE + 3] = tile
        steps = (LANES, d[Buffer.WIDTH] * LANES, d[Buffer.GROUP])  # gaps hold zeros and are read too
        op[Op.INPUT_READ : Op.INPUT_READ + 3] = strides(tile, steps)
        op[Op.INPUT_WRITE : Op.INPUT_WRITE + 3] = strides(tile, _steps(dx))
        op[Op.INPUT_MASK : Op.INPUT_MASK + 3] = strides(tile, _steps(x))


def _steps(row: Table, stride: Pair = (1, 1)) -> tuple[int, int, int]:
    """Numbers from a pixel to the next column, row and group."""
    return row[Buffer.PIXEL] * stride[1] * LANES, row[Buffer.ROW] * stride[0] * LANES, row[Buffer.GROUP]
