"""The gradient of a first convolution with max-pooling behind it, as `operations` describes operations.

Nobody else reads the gradient of the convolution's outputs, so the convolution asks the pooling for it, unless both are
computed together.
"""

from typing import Any

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels import filtering, filtering_pooled
from benchmark.training.engines.sparse.program.arguments import Shape, State, Work
from benchmark.training.engines.sparse.program.operations import input_of, max_pooling_gradient
from benchmark.training.engines.sparse.program.products import active, biases, filtering_gradient, gradients_of_all
from benchmark.training.engines.sparse.table import Op


# long because compiled code is given its arrays one by one
@compiled
def pooled_gradient(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Gradients of the weights of such a convolution, active or all, and of its biases."""
    op, pooling = shape.ops[n], shape.ops[n + 1]
    places, rows, gradients = active(op[Op.LAYER], member, shape, state)
    if not filtering.is_full(op, rows):
        max_pooling_gradient(n + 1, member, groups, shape, state, work, space, memory)
        filtering_gradient(n, member, groups, shape, state, work, space, memory)
        return
    here, between = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    made, there = shape.buffers[pooling[Op.OUTPUT]], shape.buffers[pooling[Op.OUTPUT_GRADIENT]]
    x, of_biases = input_of(op, member, work, space), biases(op, member, state)
    filtering_pooled.weight_gradient(
        *(op, pooling, here, between, made, there, groups, shape.groups, x, places, rows, gradients, of_biases),
        *(space, memory),
    )
    if work.every[member] >= 0:
        max_pooling_gradient(n + 1, member, groups, shape, state, work, space, memory)
        gradients_of_all(op, member, groups, shape, work, x, space)
