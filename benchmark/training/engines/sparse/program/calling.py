"""The operations of a network by their addresses: what computes each, and how compiled code calls it."""

import sys
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from benchmark.training.engines.sparse.compiling import told_while_compiling
from benchmark.training.engines.sparse.kernels import filtering, filtering_back, filtering_pooled
from benchmark.training.engines.sparse.program import operations, pooled, products
from benchmark.training.engines.sparse.program.division import together
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


def addresses(plan: Plan, among: Any, arguments: tuple[Any, ...]) -> Any:
    """Addresses of what computes each operation, int64 [ways, operations], where ways are those of `table.Way`.

    What is not compiled for ``arguments`` is. ``among`` says which operations a batch goes through together, as in
    `Tables.stretches`.
    """
    rows = [*zip(*(_functions(plan, among, number) for number in range(len(plan.nodes))), strict=True)]
    kinds = tuple(numba.typeof(argument) for argument in arguments)
    found: dict[Any, int] = {}
    told = False
    for function in (function for row in rows for function in row):
        misses = sum(function.stats.cache_misses.values())
        found[function] = _address(function, kinds)
        if not told and sum(function.stats.cache_misses.values()) > misses:
            print(told_while_compiling(), file=sys.stderr)
            told = True
    return np.array([[found[function] for function in row] for row in rows])


def _functions(plan: Plan, among: Any, number: int) -> tuple[Any, ...]:
    """What computes an operation: a function for each of those rows."""
    node, nothing = plan.nodes[number], operations.nothing
    (forward, evaluation), (gradient, back) = _FORWARD[node.kind], _BACKWARD[node.kind]
    if node.kind == Kind.DROPOUT and node.probability == 0:
        forward = evaluation
    if plan.blocks[number]:
        back = products.narrow_convolution_back
    if filtering.fits(node):
        forward = evaluation = products.filtering_forward
        gradient = products.filtering_gradient
    if filtering_back.fits(node):
        back = products.filtering_input_gradient
    if _with_pooling(plan, among, number):
        gradient = pooled.pooled_gradient
    if number > 0 and _with_pooling(plan, among, number - 1):
        back = nothing  # the convolution asks for it
    return forward, evaluation, gradient, back if plan.needs_input_gradient[number] else nothing, operations.mean_loss


def _with_pooling(plan: Plan, among: Any, number: int) -> bool:
    """Whether an operation is a first convolution whose gradient may be computed with that of the pooling behind it."""
    pair = plan.nodes[number : number + 2]
    if len(pair) < 2 or plan.needs_input_gradient[number] or not together(among, number):
        return False
    return filtering_pooled.fits(*pair)


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
