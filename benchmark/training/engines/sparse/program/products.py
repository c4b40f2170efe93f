"""The operations with sparse weights, as `operations` describes them: linear layers and convolutions."""

from typing import Any

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels import convolution, filtering, filtering_back, linear, narrow
from benchmark.training.engines.sparse.kernels.biases import bias_gradient
from benchmark.training.engines.sparse.kernels.vectors import LANES, keep_for_later, load
from benchmark.training.engines.sparse.program.arguments import Shape, State, Work
from benchmark.training.engines.sparse.program.operations import input_of
from benchmark.training.engines.sparse.table import Buffer, Op


@compiled
def active(layer: int, member: int, shape: Shape, state: State) -> Any:
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
def biases(op: Any, member: int, state: State) -> Any:
    """Gradients of the biases of a network's layer; none where it has no biases."""
    first = max(op[Op.PARAMETERS], 0)
    return state.dense_gradients[member, first : first + (op[Op.OUT_CHANNELS] if op[Op.PARAMETERS] >= 0 else 0)]


@compiled
def _gradient_of_biases(op: Any, member: int, groups: Any, here: Any, state: State, space: Any) -> None:
    if op[Op.PARAMETERS] >= 0:
        bias_gradient(op, here, groups, space, biases(op, member, state))


@compiled
def _outgoing(layer: int, bias: int, outputs: int, member: int, shape: Shape, state: State) -> Any:
    """What ``y = W x + b`` reads of a network's layer: values, places, rows and biases."""
    start, end = state.starts[member], state.starts[member + 1]
    rows = state.rows[member, shape.rows[layer] : shape.rows[layer + 1]]
    biases = state.nothing if bias < 0 else state.dense[member, bias : bias + outputs]
    return state.values[start:end], state.places[start:end], rows, biases


@compiled
def _incoming(layer: int, member: int, shape: Shape, state: State) -> Any:
    """What ``Wᵀ d`` reads of a network's layer: values, their numbers and where they look, and columns."""
    start, end = state.starts[member], state.starts[member + 1]
    columns = state.columns[member, shape.columns[layer] : shape.columns[layer + 1]]
    return state.values[start:end], state.index[start:end], state.looks[start:end], columns


# long because compiled code is given its arrays one by one
@compiled
def linear_forward(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """A linear layer."""
    op = shape.ops[n]
    here, there = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]]
    x = input_of(op, member, work, space)
    values, places, rows, bias = _outgoing(op[Op.LAYER], op[Op.PARAMETERS], op[Op.OUT_CHANNELS], member, shape, state)
    linear.forward(op[Op.RELU], op[Op.CHANNELS], here, there, groups, x, space, values, places, rows, bias)


# long because compiled code is given its arrays one by one
@compiled
def convolution_forward(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """A convolution."""
    op = shape.ops[n]
    here, there = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]]
    x = input_of(op, member, work, space)
    values, places, rows, bias = _outgoing(op[Op.LAYER], op[Op.PARAMETERS], op[Op.OUT_CHANNELS], member, shape, state)
    convolution.forward(op, here, there, groups, x, space, values, places, rows, bias)


# long because compiled code is given its arrays one by one
@compiled
def filtering_forward(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """A convolution, by points where most of its weights are active."""
    op = shape.ops[n]
    values, places, rows, bias = _outgoing(op[Op.LAYER], op[Op.PARAMETERS], op[Op.OUT_CHANNELS], member, shape, state)
    if not filtering.is_full(op, rows):
        convolution_forward(n, member, groups, shape, state, work, space, memory)
        return
    here, there = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]]
    x = input_of(op, member, work, space)
    filtering.forward(op, here, there, groups, x, values, places, rows, bias, space)


# long because compiled code is given its arrays one by one
@compiled
def linear_gradient(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Gradients of the weights of a linear layer, active or all, and of its biases."""
    op = shape.ops[n]
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    x = input_of(op, member, work, space)
    layer = op[Op.LAYER]
    places, rows, gradients = active(layer, member, shape, state)
    linear.weight_gradient(op[Op.CHANNELS], seen, here, groups, x, space, places, rows, False, gradients)
    if work.every[member] >= 0 and work.linear_too[member] > 0:
        places, rows, gradients = _all(layer, member, shape, work)
        linear.weight_gradient(op[Op.CHANNELS], seen, here, groups, x, space, places, rows, True, gradients)
    _gradient_of_biases(op, member, groups, here, state, space)
    if work.slots[member] >= 0:
        keep = work.history[member, work.slots[member]]
        _keep(seen, op[Op.CHANNELS], shape, x, shape.factor_places[layer, 0], keep)
        _keep(here, op[Op.OUT_CHANNELS], shape, space, shape.factor_places[layer, 1], keep)


@compiled
def _keep(buffer: Any, features: int, shape: Shape, numbers: Any, at: int, into: Any) -> None:
    """Copy a buffer of features to where ``at`` is, unless that is negative; there a feature's lanes are one row."""
    if at >= 0:
        for feature in range(features):
            here, there = buffer[Buffer.START] + feature * LANES, at + feature * shape.factor_lanes
            for g in range(shape.groups):
                keep_for_later(load(numbers, here + g * buffer[Buffer.GROUP]), into, there + g * LANES)


# long because compiled code is given its arrays one by one
@compiled
def convolution_gradient(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Gradients of the weights of a convolution, active or all, and of its biases."""
    op = shape.ops[n]
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    x = input_of(op, member, work, space)
    places, rows, gradients = active(op[Op.LAYER], member, shape, state)
    convolution.weight_gradient(op, seen, here, groups, x, space, places, rows, False, gradients)
    gradients_of_all(op, member, groups, shape, work, x, space)
    _gradient_of_biases(op, member, groups, here, state, space)


# long because compiled code is given its arrays one by one
@compiled
def filtering_gradient(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """The same; by points those of active weights where they are most of the layer."""
    op = shape.ops[n]
    places, rows, gradients = active(op[Op.LAYER], member, shape, state)
    if not filtering.is_full(op, rows):
        convolution_gradient(n, member, groups, shape, state, work, space, memory)
        return
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    x = input_of(op, member, work, space)
    filtering.weight_gradient(op, seen, here, groups, shape.groups, x, places, rows, gradients, space)
    gradients_of_all(op, member, groups, shape, work, x, space)
    _gradient_of_biases(op, member, groups, here, state, space)


# long because compiled code is given its arrays one by one
@compiled
def gradients_of_all(op: Any, member: int, groups: Any, shape: Shape, work: Work, x: Any, space: Any) -> None:
    """Gradients of all weights of a convolution, where they are asked for."""
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    if work.every[member] >= 0:
        places, rows, gradients = _all(op[Op.LAYER], member, shape, work)
        convolution.weight_gradient(op, seen, here, groups, x, space, places, rows, True, gradients)


# long because compiled code is given its arrays one by one
@compiled
def linear_back(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """The gradient of the inputs of a linear layer."""
    op = shape.ops[n]
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    there = shape.buffers[op[Op.INPUT_GRADIENT]]
    values, index, looks, columns = _incoming(op[Op.LAYER], member, shape, state)
    _, rows, _ = active(op[Op.LAYER], member, shape, state)
    linear.transposed(here, there, seen, groups, space, space, space, values, rows, index, looks, columns)


# long because compiled code is given its arrays one by one
@compiled
def convolution_back(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """The gradient of the inputs of a convolution."""
    op = shape.ops[n]
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    there = shape.buffers[op[Op.INPUT_GRADIENT]]
    values, index, looks, columns = _incoming(op[Op.LAYER], member, shape, state)
    convolution.transposed(op, here, there, seen, groups, space, space, space, values, index, looks, columns)


# long because compiled code is given its arrays one by one
@compiled
def narrow_convolution_back(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """The gradient of the inputs of a convolution of narrow images."""
    op = shape.ops[n]
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    there = shape.buffers[op[Op.INPUT_GRADIENT]]
    values, index, looks, columns = _incoming(op[Op.LAYER], member, shape, state)
    narrow.transposed(op, here, there, seen, groups, values, index, looks, columns, space)


# long because compiled code is given its arrays one by one
@compiled
def filtering_input_gradient(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """The same; by points where most of the layer's weights are active."""
    op = shape.ops[n]
    _, rows, _ = active(op[Op.LAYER], member, shape, state)
    if filtering.is_full(op, rows):
        seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
        filtering_back.transposed(op, here, shape.buffers[op[Op.INPUT_GRADIENT]], seen, groups, space)
    elif op[Op.BLOCK] > 0:
        narrow_convolution_back(n, member, groups, shape, state, work, space, memory)
    else:
        convolution_back(n, member, groups, shape, state, work, space, memory)
