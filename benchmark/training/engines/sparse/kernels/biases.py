"""The gradients of the biases of products."""

from typing import Any

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.vectors import LANES, add_from, total, zero
from benchmark.training.engines.sparse.table import Buffer, Op


@compiled
def bias_gradient(op: Any, there: Any, groups: Any, d: Any, out: Any) -> None:
    """The sum of the gradient of each output over pixels and examples."""
    image = there[Buffer.HEIGHT] * there[Buffer.WIDTH]
    for output in range(op[Op.OUT_CHANNELS]):
        found = d.dtype.type(0)
        for g in range(groups[0], groups[1]):
            at = there[Buffer.START] + g * there[Buffer.GROUP]
            at += (output * image + there[Buffer.FIRST]) * LANES
            sums = zero(d)
            for row in range(op[Op.OUT_HEIGHT]):
                for column in range(op[Op.OUT_WIDTH]):
                    place = row * there[Buffer.ROW] + column * there[Buffer.PIXEL]
                    sums = add_from(sums, d, at + place * LANES)
            found += total(sums)
        out[output] = found if groups[0] == 0 else out[output] + found
