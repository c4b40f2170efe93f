"""Whole steps of many networks in compiled code: one network is one thread's work from the first layer to the last.

Threads take networks from a common counter, so who computes a network depends on chance, and what is computed does not.
"""

import sys
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from benchmark.training.engines.sparse import operations, products
from benchmark.training.engines.sparse.arguments import Shape, State, Steps, Unlaid, Work
from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.counters import count_up, counted, take_number
from benchmark.training.engines.sparse.layout import lay_out_chosen
from benchmark.training.engines.sparse.plan import Plan
from benchmark.training.engines.sparse.table import Buffer, Kind, Op
from benchmark.training.engines.sparse.vectors import LANES

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


def addresses(plan: Plan, arguments: tuple[Any, ...]) -> Any:
    """Addresses of what computes each operation, int64 [5, operations], compiled for ``arguments`` where they are not.

    The rows are forward in a training, in an evaluation, backwards (twice, as above), and the loss.
    """
    rows: list[list[Any]] = [[], [], [], [], []]
    for node, needed, block in zip(plan.nodes, plan.needs_input_gradient, plan.blocks, strict=True):
        forward, evaluation = _FORWARD[node.kind]
        rows[0].append(evaluation if node.kind == Kind.DROPOUT and node.probability == 0 else forward)
        rows[1].append(evaluation)
        rows[2].append(_BACKWARD[node.kind][0])
        back = products.narrow_convolution_back if block else _BACKWARD[node.kind][1]
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


# long because compiled code is given its arrays one by one
@compiled
def train(
    queue: Any, done: Any, unlaid: Unlaid, shape: Shape, state: State, steps: Steps, space: Any, memory: Any
) -> None:
    """Gradients and losses of all networks in some steps, as long as ``queue`` has some left.

    Who is free takes what comes next; the batches of a step are laid out before the networks of the step before it are
    computed. Nobody waits for the end of a step, but a step of a network waits for its last one, and for its batch.
    ``done`` (int64 [members]) counts the steps of each network.
    """
    batches = unlaid.rows.shape[1]
    tasks = batches + steps.members.size
    number = take_number(queue)
    while number < batches + tasks * steps.at.size:
        step, task = divmod(number - batches, tasks)
        if number < batches:
            _lay_out(number, 0, unlaid, shape, steps)
        elif task < batches:
            _lay_out(task, step + 1, unlaid, shape, steps)
        else:
            member = steps.members[task - batches]
            while counted(done, member) < step:
                pass
            while batches > 0 and counted(unlaid.laid_out, step * batches + steps.batches[member]) == 0:
                pass
            if steps.due[step]:
                _step(state, member, steps.sgd[step])
            _gradients(member, shape, state, _of_step(steps, step), space, memory)
            count_up(done, member)
        number = take_number(queue)


@compiled
def _lay_out(batch: int, step: int, unlaid: Unlaid, shape: Shape, steps: Steps) -> None:
    """A batch of a step, if there is such a step."""
    if step < steps.at.size:
        lay_out_chosen(unlaid, step, batch, shape.buffers[0], _inputs(steps, step, unlaid.rows.shape[1])[batch])


@compiled
def _inputs(steps: Steps, step: int, batches: int) -> Any:
    """Of a step, [batches, numbers]."""
    return steps.inputs[steps.at[step]][: steps.numbers].reshape((batches, steps.numbers // batches))


@compiled
def _of_step(steps: Steps, step: int) -> Work:
    """What the networks do in one of several steps."""
    return Work(
        members=steps.members,
        batches=steps.batches,
        inputs=_inputs(steps, step, steps.targets.shape[1]),
        targets=steps.targets[step],
        smoothing=steps.smoothing,
        losses=steps.losses[step],
        every=steps.every if step == steps.at.size - 1 else steps.nobody,
        linear_too=steps.linear_too,
        full_gradients=steps.full_gradients,
        slots=steps.slots[step],
        history=steps.history,
    )


# long because compiled code is given its arrays one by one
@compiled
def _gradients(member: int, shape: Shape, state: State, work: Work, space: Any, memory: Any) -> None:
    """Those of one network, and its loss."""
    last, whole = shape.ops.shape[0] - 1, (0, shape.groups)
    _forward(0, member, shape, state, work, space, memory)
    call(shape.addresses[4, last], last, member, whole, shape, state, work, space, memory)
    for back in range(shape.stretches.shape[0]):
        first, end, step = shape.stretches[shape.stretches.shape[0] - 1 - back]
        for g in range(0, shape.groups, step):
            groups = (g, min(g + step, shape.groups))
            for n in range(end - 1, first - 1, -1):
                call(shape.addresses[2, n], n, member, groups, shape, state, work, space, memory)
                call(shape.addresses[3, n], n, member, groups, shape, state, work, space, memory)


# long because compiled code is given its arrays one by one
@compiled
def evaluate(
    queue: Any, unlaid: Unlaid, shape: Shape, state: State, work: Work, space: Any, memory: Any, logits: Any
) -> None:
    """Into ``logits`` [members, batches · examples, classes], as in an evaluation of all batches of ``work``.

    They are laid out first.
    """
    examples, count, batches = work.targets.shape[1], work.members.size, work.inputs.shape[0]
    last = shape.ops[shape.ops.shape[0] - 1]
    buffer = shape.buffers[last[Op.OUTPUT]]
    number = take_number(queue)
    while number < batches:
        lay_out_chosen(unlaid, 0, number, shape.buffers[0], work.inputs[number])
        number = take_number(queue)
    while number < batches + count * batches:
        batch, member = (number - batches) // count, work.members[(number - batches) % count]
        while counted(unlaid.laid_out, batch) == 0:
            pass
        _forward(1, member, shape, state, _of_batch(work, batch), space, memory)
        for channel in range(last[Op.OUT_CHANNELS]):
            at = buffer[Buffer.START] + channel * LANES
            for example in range(examples):
                group, lane = divmod(example, LANES)
                logits[member, batch * examples + example, channel] = space[at + group * buffer[Buffer.GROUP] + lane]
        number = take_number(queue)


# long because compiled code is given its arrays one by one
@compiled
def _forward(way: int, member: int, shape: Shape, state: State, work: Work, space: Any, memory: Any) -> None:
    """All operations of one network, as in a training (``way`` 0) or in an evaluation (1)."""
    for s in range(shape.stretches.shape[0]):
        first, end, step = shape.stretches[s]
        for g in range(0, shape.groups, step):
            groups = (g, min(g + step, shape.groups))
            for n in range(first, end):
                call(shape.addresses[way, n], n, member, groups, shape, state, work, space, memory)


@compiled
def _of_batch(work: Work, batch: int) -> Work:
    """The same work, whose networks see one batch alone."""
    return Work(
        members=work.members,
        batches=work.batches,
        inputs=work.inputs[batch : batch + 1],
        targets=work.targets,
        smoothing=work.smoothing,
        losses=work.losses,
        every=work.every,
        linear_too=work.linear_too,
        full_gradients=work.full_gradients,
        slots=work.slots,
        history=work.history,
    )


@compiled
def optimise(queue: Any, state: State, sgd: Any) -> None:
    """One step of SGD of every network, as torch's: on active weights and dense parameters."""
    member = take_number(queue)
    while member < state.starts.size - 1:
        _step(state, member, sgd)
        member = take_number(queue)


@compiled
def _step(state: State, member: int, sgd: Any) -> None:
    """Of one network; ``sgd`` (float64 [5]) is what `Sgd.settings` says."""
    start, end = state.starts[member], state.starts[member + 1]
    _sgd(state.values[start:end], state.gradients[start:end], state.momenta[start:end], sgd)
    for n in state.held[state.held_starts[member] : state.held_starts[member + 1]]:
        state.values[n] = 0
    _sgd(state.dense[member], state.dense_gradients[member], state.dense_momenta[member], sgd)


@compiled
def _sgd(values: Any, gradients: Any, momenta: Any, sgd: Any) -> None:
    kind = values.dtype.type
    rate, momentum, decay, kept = kind(sgd[0]), kind(sgd[1]), kind(sgd[2]), kind(sgd[4])
    if kept != 1:
        for n in range(values.size):
            values[n] *= kept
    if sgd[3]:
        for n in range(values.size):
            gradient = gradients[n] + decay * values[n]
            momenta[n] = momentum * momenta[n] + gradient
            values[n] -= rate * (gradient + momentum * momenta[n])
    else:
        for n in range(values.size):
            momenta[n] = momentum * momenta[n] + gradients[n] + decay * values[n]
            values[n] -= rate * momenta[n]
