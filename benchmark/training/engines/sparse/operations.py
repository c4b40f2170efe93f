"""The operations of a network as compiled functions with one signature, so that a program is a list of addresses.

Each computes an operation of one network on some groups of lanes. A program that called them by name would contain
them all, and would take a minute to compile; so only those that a network has are compiled, each once.
"""

from typing import Any

from benchmark.training.engines.sparse.arguments import Shape, State, Work
from benchmark.training.engines.sparse.gradients import (
    bias_gradient,
    convolution_weight_gradient,
    linear_weight_gradient,
)
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
from benchmark.training.engines.sparse.table import Buffer, Op, Real
from benchmark.training.engines.sparse.vectors import LANES, keep_for_later, load


@compiled
def _input(op: Any, member: int, work: Work, space: Any) -> Any:
    """What an operation reads: the batch that the network sees, or what an operation before it wrote."""
    return work.inputs[work.batches[member]] if op[Op.INPUT] == 0 else space


@compiled
def _active(layer: int, member: int, shape: Shape, state: State) -> Any:
    """Places, rows and gradients of the active weights of a network's layer."""
    start, end = state.starts[member], state.starts[member + 1]
    rows = state.rows[member, shape.rows[layer] : shape.rows[layer + 1]]
    return state.places[start:end], rows, state.gradients[start:end]


@compiled
def _all(layer: int, member: int, shape: Shape, work: Work) -> Any:
    """The same of all weights of the layer, for a network whose dense gradient is asked for."""
    places = shape.full[shape.full_starts[layer] : shape.full_starts[layer + 1]]
    rows = shape.full_rows[shape.rows[layer] : shape.rows[layer + 1]]
    return places, rows, work.full_gradients[work.every[member], shape.sizes[layer] : shape.sizes[layer + 1]]


@compiled
def _gradient_of_biases(op: Any, member: int, groups: Any, here: Any, state: State, space: Any) -> None:
    if op[Op.PARAMETERS] >= 0:
        biases = slice(op[Op.PARAMETERS], op[Op.PARAMETERS] + op[Op.OUT_CHANNELS])
        bias_gradient(op, here, groups, space, state.dense_gradients[member, biases])


@compiled
def _normalised(op: Any, member: int, state: State, space: Any) -> Any:
    """Scale and shift of a batch-norm, its running statistics, and those of the batch."""
    twice = 2 * op[Op.OUT_CHANNELS]
    dense = state.dense[member, op[Op.PARAMETERS] : op[Op.PARAMETERS] + twice]
    statistics = state.statistics[member, op[Op.STATE] : op[Op.STATE] + twice]
    return dense, statistics, space[op[Op.SAVED] : op[Op.SAVED] + twice]


# long because compiled code is given its arrays one by one
@compiled
def product_forward(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """A linear layer or a convolution."""
    op = shape.ops[n]
    here, there = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]]
    x = _input(op, member, work, space)
    layer, bias = op[Op.LAYER], op[Op.PARAMETERS]
    rows = state.rows[member, shape.rows[layer] : shape.rows[layer + 1]]
    start, end = state.starts[member], state.starts[member + 1]
    biases = state.nothing if bias < 0 else state.dense[member, bias : bias + op[Op.OUT_CHANNELS]]
    forward(op, here, there, groups, x, space, state.values[start:end], state.places[start:end], rows, biases)


# long because compiled code is given its arrays one by one
@compiled
def linear_gradient(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Gradients of the weights of a linear layer, active or all, and of its biases."""
    op = shape.ops[n]
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    x = _input(op, member, work, space)
    layer = op[Op.LAYER]
    places, rows, gradients = _active(layer, member, shape, state)
    linear_weight_gradient(seen, here, groups, x, space, places, rows, False, gradients)
    if work.every[member] >= 0 and work.linear_too[member] > 0:
        places, rows, gradients = _all(layer, member, shape, work)
        linear_weight_gradient(seen, here, groups, x, space, places, rows, True, gradients)
    _gradient_of_biases(op, member, groups, here, state, space)
    if work.slots[member] >= 0:
        keep = work.history[member, work.slots[member]]
        _keep(seen, op[Op.CHANNELS], x, shape.kept[layer, 0], keep)
        _keep(here, op[Op.OUT_CHANNELS], space, shape.kept[layer, 1], keep)


@compiled
def _keep(buffer: Any, features: int, numbers: Any, at: int, into: Any) -> None:
    """Copy a buffer of features to where ``at`` is, unless that is negative."""
    if at >= 0:
        for n in range(0, features * buffer[Buffer.UNIT], LANES):
            keep_for_later(load(numbers, buffer[Buffer.START] + n), into, at + n)


# long because compiled code is given its arrays one by one
@compiled
def convolution_gradient(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Gradients of the weights of a convolution, active or all, and of its biases."""
    op = shape.ops[n]
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    x = _input(op, member, work, space)
    layer = op[Op.LAYER]
    places, rows, gradients = _active(layer, member, shape, state)
    convolution_weight_gradient(op, seen, here, groups, x, space, places, rows, False, gradients)
    if work.every[member] >= 0:
        places, rows, gradients = _all(layer, member, shape, work)
        convolution_weight_gradient(op, seen, here, groups, x, space, places, rows, True, gradients)
    _gradient_of_biases(op, member, groups, here, state, space)


# long because compiled code is given its arrays one by one
@compiled
def product_back(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """The gradient of the inputs of a linear layer or a convolution."""
    op = shape.ops[n]
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    there = shape.buffers[op[Op.INPUT_GRADIENT]]
    layer = op[Op.LAYER]
    start, end = state.starts[member], state.starts[member + 1]
    columns = state.columns[member, shape.columns[layer] : shape.columns[layer + 1]]
    index, looks = state.index[start:end], state.looks[start:end]
    values = state.values[start:end]
    transposed(op, here, there, seen, groups, space, space, space, values, index, looks, columns)


# long because compiled code is given its arrays one by one
@compiled
def max_pooling_forward(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Max-pooling."""
    op = shape.ops[n]
    x = _input(op, member, work, space)
    max_pooling(op, shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]], groups, x, space, memory)


# long because compiled code is given its arrays one by one
@compiled
def max_pooling_gradient(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """The gradient of the inputs of max-pooling."""
    op = shape.ops[n]
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    there, made = shape.buffers[op[Op.INPUT_GRADIENT]], shape.buffers[op[Op.OUTPUT]]
    max_pooling_back(op, here, there, seen, made, groups, space, space, space, memory)


# long because compiled code is given its arrays one by one
@compiled
def mean_pooling_forward(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Mean pooling."""
    op = shape.ops[n]
    x = _input(op, member, work, space)
    mean_pooling(op, shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]], groups, x, space)


# long because compiled code is given its arrays one by one
@compiled
def mean_pooling_gradient(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """The gradient of the inputs of mean pooling."""
    op = shape.ops[n]
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    mean_pooling_back(op, here, shape.buffers[op[Op.INPUT_GRADIENT]], seen, groups, space, space, space)


# long because compiled code is given its arrays one by one
@compiled
def batch_norm_forward(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Batch-norm by the statistics of the batch."""
    op = shape.ops[n]
    x = _input(op, member, work, space)
    here, there = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]]
    dense, statistics, saved = _normalised(op, member, state, space)
    batch_norm(op, shape.reals[n], here, there, work.targets.shape[1], x, space, dense, statistics, saved)


# long because compiled code is given its arrays one by one
@compiled
def batch_norm_evaluation(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Batch-norm by its running statistics."""
    op = shape.ops[n]
    x = _input(op, member, work, space)
    here, there = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]]
    dense, statistics, saved = _normalised(op, member, state, space)
    batch_norm_running(op, shape.reals[n], here, there, work.targets.shape[1], x, space, dense, statistics, saved)


# long because compiled code is given its arrays one by one
@compiled
def batch_norm_gradient(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Gradients of batch-norm's scale and shift, and of its inputs."""
    op = shape.ops[n]
    x = _input(op, member, work, space)
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    there = shape.buffers[max(op[Op.INPUT_GRADIENT], 0)]
    dense, _, saved = _normalised(op, member, state, space)
    out = state.dense_gradients[member, op[Op.PARAMETERS] : op[Op.PARAMETERS] + 2 * op[Op.OUT_CHANNELS]]
    batch_norm_back(op, here, there, seen, work.targets.shape[1], space, space, x, dense, saved, out)


# long because compiled code is given its arrays one by one
@compiled
def dropout_forward(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Dropout by the draws of the member's stream."""
    op = shape.ops[n]
    x = _input(op, member, work, space)
    here, there, examples = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]], work.targets.shape[1]
    stream = state.dropouts[member, op[Op.COUNTER]]
    dropout(op, shape.reals[n, Real.SCALE], here, there, groups, x, space, memory, stream[0], stream[1])
    if groups[1] == shape.groups:
        stream[1] += examples * op[Op.OUT_CHANNELS] * op[Op.OUT_HEIGHT] * op[Op.OUT_WIDTH]


# long because compiled code is given its arrays one by one
@compiled
def copy(n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any) -> None:
    """Dropout in an evaluation, or with a probability of zero."""
    op = shape.ops[n]
    x = _input(op, member, work, space)
    no_dropout(op, shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]], groups, x, space)


# long because compiled code is given its arrays one by one
@compiled
def dropout_gradient(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """The gradient of the inputs of dropout."""
    op = shape.ops[n]
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    there = shape.buffers[op[Op.INPUT_GRADIENT]]
    dropout_back(op, shape.reals[n, Real.SCALE], here, there, seen, groups, space, space, space, memory)


# long because compiled code is given its arrays one by one
@compiled
def mean_loss(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """The loss and the gradient of the logits, which operation ``n`` gave."""
    op = shape.ops[n]
    there, into = shape.buffers[op[Op.OUTPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    targets = work.targets[work.batches[member]]
    classes = op[Op.OUT_CHANNELS]
    work.losses[member] = loss(there, into, shape.groups, classes, targets, work.smoothing, space, space)


# long because compiled code is given its arrays one by one
@compiled
def nothing(n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any) -> None:
    """What needs no computation."""
