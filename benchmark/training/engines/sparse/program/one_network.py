"""A step of one network: its operations forwards, and backwards for its gradients, in compiled code."""

from typing import Any

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.program.arguments import Shape, State, Work
from benchmark.training.engines.sparse.program.calling import call
from benchmark.training.engines.sparse.program.clock import clock
from benchmark.training.engines.sparse.table import Kind, Op, Way


# long because compiled code is given its arrays one by one
@compiled
def gradients(member: int, shape: Shape, state: State, work: Work, space: Any, memory: Any, spent: Any) -> None:
    """The gradients of one network, and its loss.

    ``spent`` is None, or what each operation has taken (seconds, float64 [ways, operations]), to which is added.
    """
    last, whole = shape.ops.shape[0] - 1, (0, shape.groups)
    forward(Way.FORWARD, member, shape, state, work, space, memory, spent)
    _call(Way.LOSS, last, member, whole, shape, state, work, space, memory, spent)
    for back in range(shape.stretches.shape[0]):
        first, end, step = shape.stretches[shape.stretches.shape[0] - 1 - back]
        for g in range(0, shape.groups, step):
            groups = (g, min(g + step, shape.groups))
            for n in range(end - 1, first - 1, -1):
                _call(Way.WEIGHT_GRADIENT, n, member, groups, shape, state, work, space, memory, spent)
                _call(Way.INPUT_GRADIENT, n, member, groups, shape, state, work, space, memory, spent)


# long because compiled code is given its arrays one by one
@compiled
def gradients_of(wanted: State, member: int, shape: Shape, state: State, work: Work, space: Any, memory: Any) -> None:
    """The gradients of ``wanted`` weights of one network, and nothing that they do not depend on."""
    last, whole, lowest = shape.ops.shape[0] - 1, (0, shape.groups), _lowest(wanted, member, shape)
    forward(Way.FORWARD, member, shape, state, work, space, memory, None)
    call(shape.addresses[Way.LOSS, last], last, member, whole, shape, state, work, space, memory)
    for back in range(shape.stretches.shape[0]):
        first, end, step = shape.stretches[shape.stretches.shape[0] - 1 - back]
        for g in range(0, shape.groups, step):
            groups = (g, min(g + step, shape.groups))
            for n in range(end - 1, max(first, lowest) - 1, -1):
                if not _is_product(shape, n):
                    call(shape.addresses[Way.WEIGHT_GRADIENT, n], n, member, groups, shape, state, work, space, memory)
                elif _has_weights(wanted, member, shape, n):
                    call(shape.addresses[Way.WEIGHT_GRADIENT, n], n, member, groups, shape, wanted, work, space, memory)
                if n > lowest:
                    call(shape.addresses[Way.INPUT_GRADIENT, n], n, member, groups, shape, state, work, space, memory)


@compiled
def _lowest(state: State, member: int, shape: Shape) -> int:
    """The first operation of a network that has weights."""
    n = 0
    while not (_is_product(shape, n) and _has_weights(state, member, shape, n)):
        n += 1
    return n


@compiled
def _is_product(shape: Shape, n: int) -> bool:
    return bool(shape.ops[n, Op.KIND] == Kind.LINEAR or shape.ops[n, Op.KIND] == Kind.CONVOLUTION)


@compiled
def _has_weights(state: State, member: int, shape: Shape, n: int) -> bool:
    """Whether a product of a network has some."""
    layer = shape.ops[n, Op.LAYER]
    return bool(state.rows[member, shape.rows[layer]] < state.rows[member, shape.rows[layer + 1] - 1])


# long because compiled code is given its arrays one by one
@compiled
def forward(way: int, member: int, shape: Shape, state: State, work: Work, space: Any, memory: Any, spent: Any) -> None:
    """All operations of one network, as in a training or in an evaluation, as ``way`` says."""
    for s in range(shape.stretches.shape[0]):
        first, end, step = shape.stretches[s]
        for g in range(0, shape.groups, step):
            groups = (g, min(g + step, shape.groups))
            for n in range(first, end):
                _call(way, n, member, groups, shape, state, work, space, memory, spent)


# long because compiled code is given its arrays one by one
@compiled
def _call(
    way: int,
    n: int,
    member: int,
    groups: Any,
    shape: Shape,
    state: State,
    work: Work,
    space: Any,
    memory: Any,
    spent: Any,
) -> None:
    """Call an operation, and add what it takes to ``spent`` where somebody measures it."""
    if spent is None:
        call(shape.addresses[way, n], n, member, groups, shape, state, work, space, memory)
    else:
        before = clock()
        call(shape.addresses[way, n], n, member, groups, shape, state, work, space, memory)
        spent[way, n] += clock() - before
