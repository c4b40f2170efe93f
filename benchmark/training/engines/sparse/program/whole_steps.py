"""Whole steps of many networks in compiled code: one network is one thread's work from the first layer to the last.

Threads take networks from a common counter, so who computes a network depends on chance, and what is computed does not.
"""

from typing import Any

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.program.arguments import Shape, State, Steps, Unlaid, Work
from benchmark.training.engines.sparse.program.counters import count_up, counted, take_number
from benchmark.training.engines.sparse.program.layout import lay_out_chosen
from benchmark.training.engines.sparse.program.one_network import forward, gradients, gradients_of
from benchmark.training.engines.sparse.table import Buffer, Op, Way


# long because compiled code is given its arrays one by one
@compiled
def train(
    queue: Any,
    done: Any,
    unlaid: Unlaid,
    shape: Shape,
    state: State,
    steps: Steps,
    space: Any,
    memory: Any,
    spent: Any,
) -> None:
    """Gradients and losses of all networks in some steps, as long as ``queue`` has some left.

    Who is free takes what comes next; the batches of a step are laid out before the networks of the step before it are
    computed. Nobody waits for the end of a step, but a step of a network waits for its last one, and for its batch.
    ``done`` (int64 [members]) counts the steps of each network. ``spent`` is None, or what each operation has taken
    (seconds, float64 [ways, operations]), to which is added what it takes.
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
            if steps.places[step, member] >= 0:
                _record(state, member, steps.trail, steps.places[step, member])
            gradients(member, shape, state, _of_step(steps, step), space, memory, spent)
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


@compiled
def _record(state: State, member: int, trail: Any, at: int) -> None:
    """Copy the weights of a network to where ``at`` is in the trail."""
    values, dense = state.values[state.starts[member] : state.starts[member + 1]], state.dense[member]
    trail[at : at + values.size] = values
    trail[at + values.size : at + values.size + dense.size] = dense


@compiled
def _restore(state: State, member: int, trail: Any, at: int) -> None:
    """Give a network the weights that :func:`_record` copied."""
    values, dense = state.values[state.starts[member] : state.starts[member + 1]], state.dense[member]
    values[:] = trail[at : at + values.size]
    dense[:] = trail[at + values.size : at + values.size + dense.size]


# long because compiled code is given its arrays one by one
@compiled
def retrace(
    queue: Any, shape: Shape, state: State, wanted: State, steps: Steps, momentum: float, space: Any, memory: Any
) -> None:
    """Gather the momentum of ``wanted`` weights in steps that networks have done, with what ``state`` was in each.

    ``wanted`` are inactive weights of the same networks: they read what the networks compute, and change nothing.
    """
    share = wanted.momenta.dtype.type(momentum)
    number = take_number(queue)
    while number < steps.members.size:
        member = steps.members[number]
        first, end = wanted.starts[member], wanted.starts[member + 1]
        for step in range(steps.at.size):
            _restore(state, member, steps.trail, steps.places[step, member])
            gradients_of(wanted, member, shape, state, _of_step(steps, step), space, memory)
            for n in range(first, end):
                wanted.momenta[n] = share * wanted.momenta[n] + wanted.gradients[n]
        number = take_number(queue)


# long because compiled code is given its arrays one by one
@compiled
def evaluate(
    queue: Any,
    unlaid: Unlaid,
    shape: Shape,
    state: State,
    work: Work,
    space: Any,
    memory: Any,
    spent: Any,
    logits: Any,
) -> None:
    """Into ``logits`` [members, batches · examples, classes], as in an evaluation of all batches of ``work``.

    They are laid out first; ``spent`` is as in :func:`train`.
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
        forward(Way.EVALUATION, member, shape, state, _of_batch(work, batch), space, memory, spent)
        for channel in range(last[Op.OUT_CHANNELS]):
            at = buffer[Buffer.START] + channel * LANES
            for example in range(examples):
                group, lane = divmod(example, LANES)
                logits[member, batch * examples + example, channel] = space[at + group * buffer[Buffer.GROUP] + lane]
        number = take_number(queue)


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
