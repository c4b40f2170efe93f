"""Whole steps of many networks in compiled code: one network is one thread's work from the first layer to the last.

Threads take networks from a common counter, so who computes a network depends on chance, and what is computed does not.
"""

from typing import Any, NamedTuple

from benchmark.training.engines.sparse.gradients import bias_gradient, weight_gradient
from benchmark.training.engines.sparse.losses import loss
from benchmark.training.engines.sparse.normalisation import batch_norm, batch_norm_back, batch_norm_running
from benchmark.training.engines.sparse.others import (
    dropout,
    dropout_back,
    max_pooling,
    max_pooling_back,
    mean_pooling,
    mean_pooling_back,
    no_dropout,
)
from benchmark.training.engines.sparse.products import compiled, forward, transposed
from benchmark.training.engines.sparse.table import Buffer, Kind, Op, Real
from benchmark.training.engines.sparse.vectors import LANES, take_number


class Shape(NamedTuple):
    """What all networks of a fleet share: the tables, and where each layer's rows and columns begin."""

    buffers: Any
    ops: Any
    reals: Any
    rows: Any
    """int64 [layers + 1]: where the row pointers of each layer begin."""
    columns: Any
    full: Any
    """int64: places of all weights of one output, of every layer."""
    full_rows: Any
    """int64, as ``rows`` of a network: where the rows of a full network begin, counted from each layer's first."""
    full_starts: Any
    """int64 [layers + 1]: where the places of each layer begin in ``full``."""
    sizes: Any
    """int64 [layers + 1]: where the weights of each layer begin in a full network."""


class State(NamedTuple):
    """The networks of a fleet; of those with sparse weights, one network's are all behind each other."""

    values: Any
    """Of active weights."""
    gradients: Any
    momenta: Any
    places: Any
    """int32: where each active weight reads its input."""
    index: Any
    """int32: the numbers of a network's weights, sorted by their input channel, counted from the network's first."""
    looks: Any
    """int32: where each of ``index`` reads the gradient of its output."""
    starts: Any
    """int64 [members + 1]: where the weights of each network begin."""
    rows: Any
    """int64 [members, rows]: row pointers of all layers, counted from the network's first weight."""
    columns: Any
    nothing: Any
    """Zeros, for products without a bias."""
    dense: Any
    """[members, dense parameters]: biases, scales and shifts."""
    dense_gradients: Any
    dense_momenta: Any
    statistics: Any
    """[members, running statistics]."""
    dropouts: Any
    """int64 [members, dropouts, 2]: seed and position of each dropout."""


class Work(NamedTuple):
    """What the networks do in this call."""

    members: Any
    """int64: their numbers."""
    batches: Any
    """int64 [members]: which batch each network of the fleet sees."""
    inputs: Any
    """[batches, numbers], laid out as buffer 0."""
    targets: Any
    """int64 [batches, examples]."""
    smoothing: float
    losses: Any
    """float64 [members], which is written."""
    every: Any
    """int64 [members]: the row of ``full_gradients`` for those whose dense gradient is asked for, or -1."""
    full_gradients: Any
    """[rows, weights of a full network]."""


@compiled
def train(queue: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any) -> None:
    """Gradients and losses of the members of ``work``, as long as ``queue`` has some left."""
    number = take_number(queue)
    while number < work.members.size:
        _train(work.members[number], shape, state, work, space, memory)
        number = take_number(queue)


@compiled
def evaluate(queue: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any, logits: Any) -> None:
    """Into ``logits`` [members, classes, examples], as in an evaluation."""
    number = take_number(queue)
    last = shape.ops[shape.ops.shape[0] - 1]
    buffer = shape.buffers[last[Op.OUTPUT]]
    while number < work.members.size:
        member = work.members[number]
        _forward(member, shape, state, work, space, memory, False)
        for channel in range(last[Op.OUT_CHANNELS]):
            at = buffer[Buffer.START] + channel * buffer[Buffer.UNIT]
            logits[member, channel] = space[at : at + logits.shape[2]]
        number = take_number(queue)


@compiled
def _train(member: int, shape: Shape, state: State, work: Work, space: Any, memory: Any) -> None:
    _forward(member, shape, state, work, space, memory, True)
    last = shape.ops[shape.ops.shape[0] - 1]
    there, into = shape.buffers[last[Op.OUTPUT]], shape.buffers[last[Op.OUTPUT_GRADIENT]]
    groups = into[Buffer.UNIT] // LANES
    targets = work.targets[work.batches[member]]
    work.losses[member] = loss(there, into, groups, last[Op.OUT_CHANNELS], targets, work.smoothing, space, space)
    for number in range(shape.ops.shape[0] - 1, -1, -1):
        _backward(number, member, shape, state, work, (0, groups), space, memory)


@compiled
def _forward(
    member: int, shape: Shape, state: State, work: Work, space: Any, memory: Any, training: bool
) -> None:
    last = shape.ops[shape.ops.shape[0] - 1]
    groups = (0, shape.buffers[last[Op.OUTPUT], Buffer.UNIT] // LANES)
    batch = work.inputs[work.batches[member]]
    examples = work.targets.shape[1]
    for number in range(shape.ops.shape[0]):
        op = shape.ops[number]
        here, there = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]]
        x = batch if op[Op.INPUT] == 0 else space
        kind = op[Op.KIND]
        if kind == Kind.LINEAR or kind == Kind.CONVOLUTION:
            layer, bias = op[Op.LAYER], op[Op.PARAMETERS]
            rows = state.rows[member, shape.rows[layer] : shape.rows[layer + 1]]
            start, end = state.starts[member], state.starts[member + 1]
            biases = state.nothing if bias < 0 else state.dense[member, bias : bias + op[Op.OUT_CHANNELS]]
            values, places = state.values[start:end], state.places[start:end]
            forward(op, here, there, groups, x, space, values, places, rows, biases)
        elif kind == Kind.MAX_POOLING:
            max_pooling(op, here, there, groups, x, space, memory)
        elif kind == Kind.MEAN_POOLING:
            mean_pooling(op, here, there, groups, x, space)
        elif kind == Kind.BATCH_NORM:
            channels = op[Op.OUT_CHANNELS]
            dense = state.dense[member, op[Op.PARAMETERS] : op[Op.PARAMETERS] + 2 * channels]
            statistics = state.statistics[member, op[Op.STATE] : op[Op.STATE] + 2 * channels]
            saved = space[op[Op.SAVED] : op[Op.SAVED] + 2 * channels]
            if training:
                batch_norm(op, shape.reals[number], here, there, examples, x, space, dense, statistics, saved)
            else:
                batch_norm_running(op, shape.reals[number], here, there, examples, x, space, dense, statistics, saved)
        elif training and shape.reals[number, Real.SCALE] < 1:
            stream = state.dropouts[member, op[Op.COUNTER]]
            scale = shape.reals[number, Real.SCALE]
            dropout(op, scale, here, there, groups, examples, x, space, memory, stream[0], stream[1])
            stream[1] += examples * op[Op.OUT_CHANNELS] * op[Op.OUT_HEIGHT] * op[Op.OUT_WIDTH]
        else:
            no_dropout(op, here, there, groups, x, space)


@compiled
def _backward(
    number: int, member: int, shape: Shape, state: State, work: Work, groups: Any, space: Any, memory: Any
) -> None:
    op = shape.ops[number]
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    there = shape.buffers[max(op[Op.INPUT_GRADIENT], 0)]
    x = work.inputs[work.batches[member]] if op[Op.INPUT] == 0 else space
    kind = op[Op.KIND]
    if kind == Kind.LINEAR or kind == Kind.CONVOLUTION:
        _product_back(op, member, shape, state, work, groups, x, space)
    elif kind == Kind.BATCH_NORM:
        channels, at = op[Op.OUT_CHANNELS], op[Op.PARAMETERS]
        dense = state.dense[member, at : at + 2 * channels]
        out = state.dense_gradients[member, at : at + 2 * channels]
        saved = space[op[Op.SAVED] : op[Op.SAVED] + 2 * channels]
        batch_norm_back(op, here, there, seen, work.targets.shape[1], space, space, x, dense, saved, out)
    elif op[Op.INPUT_GRADIENT] >= 0:
        if kind == Kind.MAX_POOLING:
            max_pooling_back(op, here, there, seen, groups, space, space, x, memory)
        elif kind == Kind.MEAN_POOLING:
            mean_pooling_back(op, here, there, seen, groups, space, space, x)
        else:
            dropout_back(op, shape.reals[number, Real.SCALE], here, there, seen, groups, space, space, x, memory)


@compiled
def _product_back(
    op: Any, member: int, shape: Shape, state: State, work: Work, groups: Any, x: Any, space: Any
) -> None:
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    layer = op[Op.LAYER]
    start, end = state.starts[member], state.starts[member + 1]
    rows = state.rows[member, shape.rows[layer] : shape.rows[layer + 1]]
    places, gradients = state.places[start:end], state.gradients[start:end]
    weight_gradient(op, seen, here, groups, x, space, places, rows, False, gradients)
    if work.every[member] >= 0:
        full = work.full_gradients[work.every[member], shape.sizes[layer] : shape.sizes[layer + 1]]
        rows = shape.full_rows[shape.rows[layer] : shape.rows[layer + 1]]
        places = shape.full[shape.full_starts[layer] : shape.full_starts[layer + 1]]
        weight_gradient(op, seen, here, groups, x, space, places, rows, True, full)
    if op[Op.PARAMETERS] >= 0:
        bias = op[Op.PARAMETERS]
        bias_gradient(op, here, groups, space, state.dense_gradients[member, bias : bias + op[Op.OUT_CHANNELS]])
    if op[Op.INPUT_GRADIENT] >= 0:
        there = shape.buffers[op[Op.INPUT_GRADIENT]]
        columns = state.columns[member, shape.columns[layer] : shape.columns[layer + 1]]
        transposed(
            op, here, there, seen, groups, space, space, x, state.values[start:end], state.index[start:end],
            state.looks[start:end], columns,
        )


@compiled
def optimise(queue: Any, state: State, rate: float, momentum: float, decay: float, nesterov: bool) -> None:
    """One step of SGD of every network, as torch's: on active weights and dense parameters."""
    member = take_number(queue)
    while member < state.starts.size - 1:
        start, end = state.starts[member], state.starts[member + 1]
        _sgd(
            state.values[start:end], state.gradients[start:end], state.momenta[start:end], rate, momentum, decay,
            nesterov,
        )
        _sgd(
            state.dense[member], state.dense_gradients[member], state.dense_momenta[member], rate, momentum, decay,
            nesterov,
        )
        member = take_number(queue)


@compiled
def _sgd(values: Any, gradients: Any, momenta: Any, rate: float, momentum: float, decay: float, nesterov: bool) -> None:
    kind = values.dtype.type
    rate_, momentum_, decay_ = kind(rate), kind(momentum), kind(decay)
    if nesterov:
        for n in range(values.size):
            gradient = gradients[n] + decay_ * values[n]
            momenta[n] = momentum_ * momenta[n] + gradient
            values[n] -= rate_ * (gradient + momentum_ * momenta[n])
    else:
        for n in range(values.size):
            momenta[n] = momentum_ * momenta[n] + gradients[n] + decay_ * values[n]
            values[n] -= rate_ * momenta[n]
