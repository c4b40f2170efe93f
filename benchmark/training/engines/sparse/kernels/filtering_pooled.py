"""The gradient of a first convolution of which most weights are active, and of the max-pooling behind it.

The gradient of a first convolution's outputs is the largest image of a network, and nobody but the convolution reads
it. Here it is never in memory as a whole: that of two rows of some outputs is used as soon as it is known, in the space
of the first rows of the first outputs, which stays in the first-level cache.
"""

from typing import Any

from benchmark.training.engines.sparse.chain import Node
from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels import filtering
from benchmark.training.engines.sparse.kernels.maxima import store_where_chosen
from benchmark.training.engines.sparse.kernels.pixels import place
from benchmark.training.engines.sparse.kernels.points import OUTPUTS, SEVERAL
from benchmark.training.engines.sparse.kernels.vectors import (
    LANES,
    add_vector,
    load,
    total,
    where_positive,
    zero,
)
from benchmark.training.engines.sparse.table import Buffer, Kind, Op


def fits(node: Node, pooling: Node) -> bool:
    """Whether the gradients of a first convolution and of the operation behind it can be computed together."""
    _, height, width = node.outputs
    squares = pooling.kernel == (2, 2) and pooling.stride == (2, 2) and height % 2 == 0 and width % 2 == 0
    small = 2 * width // OUTPUTS <= filtering.STRIP  # blocks of two rows
    return filtering.fits(node) and pooling.kind == Kind.MAX_POOLING and squares and small


@compiled
def _kept(pooling: Any, which: Any) -> int:
    """Where max-pooling has kept the maxima's pixels of a row of windows; ``which`` is group, output and row."""
    group, output, row = which
    height, width = pooling[Op.OUT_HEIGHT], pooling[Op.OUT_WIDTH]
    kept: int = pooling[Op.STATE] + ((group * pooling[Op.OUT_CHANNELS] + output) * height + row) * width * LANES
    return kept


# long because compiled code is given its arrays one by one, and a call costs time
@compiled
def weight_gradient(
    op: Any,
    pooling: Any,
    here: Any,
    between: Any,
    made: Any,
    there: Any,
    groups: Any,
    last: int,
    x: Any,
    places: Any,
    rows: Any,
    out: Any,
    biases: Any,
    space: Any,
    memory: Any,
) -> None:
    """Gradients of weights and of ``biases``; as `pooling.max_pooling_back` and `filtering.weight_gradient`.

    ``between`` is the buffer of the gradient of the convolution's outputs, ``made`` that of the maxima, and ``there``
    that of their gradient.
    """
    blocks = 2 * (op[Op.OUT_WIDTH] // OUTPUTS)
    if groups[0] == 0:
        filtering.clear_sums(op, space)
        biases[:] = 0
    for g in range(groups[0], groups[1]):
        filtering.lay_out_inputs(op, here, g, x, space)
        for row in range(pooling[Op.OUT_HEIGHT]):
            for output in range(0, op[Op.OUT_CHANNELS], SEVERAL):
                for n in range(min(SEVERAL, op[Op.OUT_CHANNELS] - output)):
                    which = g, output + n, row
                    found = _spread(pooling, op[Op.RELU], between, made, there, which, n, space, memory)
                    if biases.size > 0:
                        biases[output + n] += found
                filtering.add_blocks(op, between, (g, output), (row * blocks, blocks), (0, 0), space)
    if groups[1] == last:
        filtering.write_totals(op, here, places, rows, space, out)


# long because compiled code is given its arrays one by one
@compiled
def _spread(
    pooling: Any, relu: int, between: Any, made: Any, there: Any, which: Any, number: int, space: Any, memory: Any
) -> float:
    """Give the gradients of a row of maxima to their pixels, in the first rows of output ``number``; their sum."""
    group, output, row = which
    right, down = between[Buffer.PIXEL] * LANES, between[Buffer.ROW] * LANES
    at, was = place(there, group, output, row, 0), place(made, group, output, row, 0)
    to, kept = place(between, group, number, 0, 0), _kept(pooling, which)
    sums = zero(space)
    for column in range(pooling[Op.OUT_WIDTH]):
        gradient = load(space, at + column * there[Buffer.PIXEL] * LANES)
        if relu:
            gradient = where_positive(gradient, space, was + column * made[Buffer.PIXEL] * LANES)
        store_where_chosen(gradient, memory, kept + column * LANES, space, to + 2 * column * right, right, down)
        sums = add_vector(sums, gradient)
    found: float = total(sums)
    return found
