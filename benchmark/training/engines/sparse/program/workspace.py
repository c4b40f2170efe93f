"""Tables and memory for batches of a size: made, and their operations compiled, when such a batch first comes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.training.engines.sparse.program.arguments import Shape, State
from benchmark.training.engines.sparse.program.calling import addresses
from benchmark.training.engines.sparse.program.memory import aligned_zeros
from benchmark.training.engines.sparse.program.plan import Plan
from benchmark.training.engines.sparse.program.stepping import Numbers
from benchmark.training.engines.sparse.program.structure import Structures
from benchmark.training.engines.sparse.program.work import evaluation
from benchmark.training.engines.sparse.table import Kind


@dataclass(frozen=True)
class Workspace:
    """What networks are computed with; each thread has its own arrays."""

    shape: Shape
    numbers: list[Numbers]
    """What operations hand to each other."""
    remembered: list[NDArray[np.uint8]]
    """What max-pooling and dropout remember for the way back."""


class Workspaces:
    """The workspace of every size of a batch that networks have seen."""

    def __init__(
        self, plan: Plan, structures: Structures, places: NDArray[np.int64], lanes: int, state: State, threads: int
    ) -> None:
        """``places`` are `Shape.factor_places`, for batches of ``lanes``; of ``state`` the types of arrays matter."""
        self._plan, self._structures, self._factor_places, self._lanes = plan, structures, places, lanes
        self._state, self._threads = state, threads
        self._known: dict[int, Workspace] = {}

    def of(self, examples: int) -> Workspace:
        """The one for batches of so many examples; as many groups of lanes share one."""
        groups = self._plan.tables(examples).groups
        if groups not in self._known:
            self._known[groups] = self._made(examples)
        return self._known[groups]

    def _made(self, examples: int) -> Workspace:
        tables, one = self._plan.tables(examples), self._structures
        full, starts, rows = one.full
        shape = Shape(
            groups=tables.groups,
            buffers=tables.buffers,
            ops=tables.ops,
            stretches=tables.stretches,
            reals=tables.reals,
            addresses=np.zeros((5, len(self._plan.nodes)), np.int64),
            rows=one.rows,
            columns=one.columns,
            full=full,
            full_rows=rows,
            full_starts=starts,
            sizes=one.sizes,
            factor_places=self._factor_places,
            factor_lanes=self._lanes,
        )
        dtype = self._state.values.dtype
        numbers = [aligned_zeros(tables.numbers, dtype) for _ in range(self._threads)]
        remembered = [np.zeros(tables.remembered, np.uint8) for _ in range(self._threads)]
        work = evaluation(np.zeros(1, np.int64), np.zeros((1, 0), dtype), 0)
        arguments = (0, 0, (0, tables.groups), shape, self._state, work, numbers[0], remembered[0])
        shape.addresses[:] = addresses(self._plan, tables.stretches, arguments)
        return Workspace(shape, numbers, remembered)


def places_of_factors(plan: Plan, lanes: int) -> tuple[NDArray[np.int64], int]:
    """`Shape.factor_places` for batches of so many lanes, and how many numbers a step keeps."""
    found, at = [], 0
    for number in plan.products:
        node, row = plan.nodes[number], [-1, -1]
        if node.kind == Kind.LINEAR:
            if number > 0:  # the inputs of the first layer are the batch, which networks share
                row[0], at = at, at + node.inputs[0] * lanes
            row[1], at = at, at + node.outputs[0] * lanes
        found.append(row)
    return np.array(found, np.int64).reshape(-1, 2), at
