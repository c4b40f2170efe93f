"""The operations without sparse weights, as compiled functions with one signature: a program is a list of addresses.

Each computes an operation of one network on some groups of lanes. A program that called them by name would contain
them all, and would take a minute to compile; so only those that a network has are compiled, each once.
"""

from typing import Any

from benchmark.training.engines.sparse.compiling import compiled
from benchmark.training.engines.sparse.kernels.dropout import dropout, dropout_back, no_dropout
from benchmark.training.engines.sparse.kernels.losses import loss
from benchmark.training.engines.sparse.kernels.normalisation import batch_norm, batch_norm_back, batch_norm_running
from benchmark.training.engines.sparse.kernels.pooling import (
    max_pooling,
    max_pooling_back,
    mean_pooling,
    mean_pooling_back,
)
from benchmark.training.engines.sparse.program.arguments import Shape, State, Work
from benchmark.training.engines.sparse.table import Op, Real


@compiled
def input_of(op: Any, member: int, work: Work, space: Any) -> Any:
    """What an operation reads: the batch that the network sees, or what an operation before it wrote."""
    return work.inputs[work.batches[member]] if op[Op.INPUT] == 0 else space


@compiled
def _normalised(op: Any, member: int, state: State, space: Any) -> Any:
    """Scale and shift of a batch-norm, its running statistics, and those of the batch."""
    twice = 2 * op[Op.OUT_CHANNELS]
    dense = state.dense[member, op[Op.PARAMETERS] : op[Op.PARAMETERS] + twice]
    statistics = state.statistics[member, op[Op.STATE] : op[Op.STATE] + twice]
    return dense, statistics, space[op[Op.SAVED] : op[Op.SAVED] + twice]


# long because compiled code is given its arrays one by one
@compiled
def max_pooling_forward(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Max-pooling."""
    op = shape.ops[n]
    x = input_of(op, member, work, space)
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
    x = input_of(op, member, work, space)
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
    x = input_of(op, member, work, space)
    here, there = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]]
    dense, statistics, saved = _normalised(op, member, state, space)
    examples = work.targets.shape[1]
    batch_norm(op, shape.reals[n], here, there, shape.groups, examples, x, space, dense, statistics, saved)


# long because compiled code is given its arrays one by one
@compiled
def batch_norm_evaluation(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Batch-norm by its running statistics."""
    op = shape.ops[n]
    x = input_of(op, member, work, space)
    here, there = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT]]
    dense, statistics, saved = _normalised(op, member, state, space)
    batch_norm_running(op, shape.reals[n], here, there, shape.groups, x, space, dense, statistics, saved)


# long because compiled code is given its arrays one by one
@compiled
def batch_norm_gradient(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Gradients of batch-norm's scale and shift, and of its inputs."""
    op = shape.ops[n]
    x = input_of(op, member, work, space)
    seen, here = shape.buffers[op[Op.INPUT]], shape.buffers[op[Op.OUTPUT_GRADIENT]]
    there = shape.buffers[max(op[Op.INPUT_GRADIENT], 0)]
    dense, _, saved = _normalised(op, member, state, space)
    out = state.dense_gradients[member, op[Op.PARAMETERS] : op[Op.PARAMETERS] + 2 * op[Op.OUT_CHANNELS]]
    examples = work.targets.shape[1]
    batch_norm_back(op, here, there, seen, shape.groups, examples, space, space, x, dense, saved, out)


# long because compiled code is given its arrays one by one
@compiled
def dropout_forward(
    n: int, member: int, groups: Any, shape: Shape, state: State, work: Work, space: Any, memory: Any
) -> None:
    """Dropout by the draws of the member's stream."""
    op = shape.ops[n]
    x = input_of(op, member, work, space)
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
    x = input_of(op, member, work, space)
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
