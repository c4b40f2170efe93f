"""The state that the networks of a fleet begin with."""

from collections.abc import Iterator, Mapping

import numpy as np
from torch import Tensor

from benchmark.training.engines.sparse.program.arguments import State
from benchmark.training.engines.sparse.program.plan import Plan
from benchmark.training.engines.sparse.program.stepping import Numbers
from benchmark.training.engines.sparse.program.structure import Counts, Indices, Structures, starts


def first_state(
    plan: Plan,
    structures: Structures,
    counts: Counts,
    positions: Indices,
    weights: Mapping[str, Tensor],
    buffers: Mapping[str, Tensor],
) -> State:
    """Without indices; ``counts`` [networks, layers] are those of the active weights at ``positions``.

    ``weights`` and ``buffers`` are those of all networks, each tensor [networks, *shape].
    """
    values = np.concatenate([*_values(structures, counts, positions, weights)])
    state = empty_state(plan, structures, counts, values.dtype)
    state.values[:] = values
    state.dense[:] = _joined(weights, plan.dense_shapes, len(counts), values.dtype)
    state.statistics[:] = _joined(buffers, plan.statistics, len(counts), values.dtype)
    state.dropouts[:] = _dropouts(plan, len(counts), buffers)
    return state


def empty_state(plan: Plan, structures: Structures, counts: Counts, dtype: np.dtype[np.floating]) -> State:
    """Networks with ``counts`` [networks, layers] active weights, without indices; all numbers are zero."""
    size, weights = len(counts), int(counts.sum())
    dense, statistics = (size, sum(plan.dense_shapes.values())), (size, sum(plan.statistics.values()))
    return State(
        values=np.zeros(weights, dtype),
        gradients=np.zeros(weights, dtype),
        momenta=np.zeros(weights, dtype),
        places=np.zeros(weights, np.int32),
        index=np.zeros(weights, np.int32),
        looks=np.zeros(weights, np.int32),
        starts=starts(counts.sum(1)),
        rows=np.zeros((size, structures.rows[-1]), np.int64),
        columns=np.zeros((size, structures.columns[-1]), np.int64),
        nothing=np.zeros(max(node.outputs[0] for node in plan.nodes), dtype),
        dense=np.zeros(dense, dtype),
        dense_gradients=np.zeros(dense, dtype),
        dense_momenta=np.zeros(dense, dtype),
        statistics=np.zeros(statistics, dtype),
        dropouts=np.zeros((size, len(plan.dropouts), 2), np.int64),
    )


def _values(
    structures: Structures, counts: Counts, positions: Indices, weights: Mapping[str, Tensor]
) -> Iterator[Numbers]:
    """Active weights of every layer of every network."""
    begin = 0
    for member, of_member in enumerate(counts):
        for layer, count in zip(structures.layers, of_member, strict=True):
            active = positions[begin : begin + count]
            yield weights[layer.name][member].detach().numpy().ravel()[active]
            begin += count


def _dropouts(plan: Plan, size: int, buffers: Mapping[str, Tensor]) -> Counts:
    """Seed and position of each dropout, int64 [networks, dropouts, 2]."""
    found = [
        [[int(buffers[f"{name}.{what}"][member]) for what in ("seed", "drawn")] for name in plan.dropouts]
        for member in range(size)
    ]
    return np.array(found, np.int64).reshape(size, len(plan.dropouts), 2)


def _joined(
    tensors: Mapping[str, Tensor], sizes: Mapping[str, int], members: int, dtype: np.dtype[np.floating]
) -> Numbers:
    """Tensors by name, each [members, size], side by side."""
    found = [tensors[name].detach().reshape(members, -1).numpy() for name in sizes]
    return np.concatenate([*found, np.zeros((members, 0), dtype)], axis=1).astype(dtype)
