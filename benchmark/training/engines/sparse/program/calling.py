"""The operations of a network by their addresses: what computes each, and how compiled code calls it."""

import sys
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from benchmark.training.engines.sparse.kernels import filtering, filtering_back
from benchmark.training.engines.sparse.program import operations, products
from benchmark.training.engines.sparse.program.plan import Plan
from benchmark.training.engines.sparse.table import Kind

_FORWARD = {
    Kind.LINEAR: (products.linear_forward, products.linear_forward),
    Kind.CONVOLUTION: (products.convolution_forward, products.convolution_forward),
    Kind.MAX_POOLING: (operations.max_pooling_forward, operations.max_pooling_forward),
    Kind.MEAN_POOLING: (operations.mean_pooling_forward, operations.mean_pooling_forward),
    Kind.BATCH_NORM: (operations.batch_norm_forward, operations.batch_norm_evaluation),
    Kind.DROPOUT: (operations.dropout_forward, operations.copy),
}
"""In a training and in an evaluation."""
_BACKWARD = {
    Kind.LINEAR: (products.linear_gradient, products.linear_back),
    Kind.CONVOLUTION: (products.convolution_gradient, products.convolution_back),
    Kind.MAX_POOLING: (operations.nothing, operations.max_pooling_gradient),
    Kind.MEAN_POOLING: (operations.nothing, operations.mean_pooling_gradient),
    Kind.BATCH_NORM: (operations.batch_norm_gradient, operations.nothing),
    Kind.DROPOUT: (operations.nothing, operations.dropout_gradient),
}
"""Always, and where somebody needs the gradient of the inputs."""
_FILTERING = (products.filtering_forward, products.filtering_forward, products.filtering_gradient)
"""The first three of these for convolutions that may be computed by points."""


def addresses(plan: Plan, arguments: tuple[Any, ...]) -> Any:
    """Addresses of what computes each operation, int64 [5, operations], compiled for ``arguments`` where they are not.

    The rows are forward in a training, in an evaluation, backwards (twice, as above), and the loss.
    """
    rows: list[list[Any]] = [[], [], [], [], []]
    for node, needed, block in zip(plan.nodes, plan.needs_input_gradient, plan.blocks, strict=True):
        forward, evaluation = _FILTERING[:2] if filtering.fits(node) else _FORWARD[node.kind]
        gradient = _FILTERING[2] if filtering.fits(node) else _BACKWARD[node.kind][0]
        rows[0].append(evaluation if node.kind == Kind.DROPOUT and node.probability == 0 else forward)
        rows[1].append(evaluation)
        rows[2].append(gradient)
        back = products.narrow_convolution_back if block else _BACKWARD[node.kind][1]
        if filtering_back.fits(node):
            back = products.filtering_input_gradient
        rows[3].append(back if needed else operations.nothing)
        rows[4].append(operations.mean_loss)
    kinds = tuple(numba.typeof(argument) for argument in arguments)
    found: dict[Any, int] = {}
    told = False
    for function in (function for row in rows for function in row):
        misses = sum(function.stats.cache_misses.values())
        found[function] = _address(function, kinds)
        if not told and sum(function.stats.cache_misses.values()) > misses:
            print("compiling the sparse engine for this network; the result is kept for later runs …", file=sys.stderr)
            told = True
    return np.array([[found[function] for function in row] for row in rows])


def _address(function: Any, kinds: tuple[Any, ...]) -> int:
    function.compile(kinds)
    result = function.overloads[kinds]
    return int(result.library.get_pointer_to_function(result.fndesc.llvm_func_name))


# long because compiled code is given its arrays one by one
@intrinsic  # type: ignore[untyped-decorator]
def call(
    typing: Any,
    address: Any,
    n: Any,
    member: Any,
    groups: Any,
    shape: Any,
    state: Any,
    work: Any,
    space: Any,
    memory: Any,
) -> Any:
    """Call the operation at ``address``."""
    kinds = (types.int64, types.int64, groups, shape, state, work, space, memory)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = context.call_conv.get_function_type(types.none, kinds)
        pointer = builder.inttoptr(arguments[0], function.as_pointer())
        context.call_conv.call_function(builder, pointer, types.none, kinds, arguments[1:])
        return context.get_dummy_value()

    return types.none(types.int64, *kinds), code
