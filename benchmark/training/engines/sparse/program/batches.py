"""Memory for batches as compiled code reads them: those of an evaluation, and those of the last steps."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from benchmark.training.engines.engine import Batch
from benchmark.training.engines.sparse.kernels.vectors import LANES
from benchmark.training.engines.sparse.program.memory import aligned_zeros
from benchmark.training.engines.sparse.program.plan import Plan
from benchmark.training.engines.sparse.program.stepping import Examples, Numbers


class Batches:
    """Memory for batches in some slots, each for some batches of so many examples at most."""

    def __init__(self, plan: Plan, slots: int, batches: int, examples: int, dtype: np.dtype[np.floating]) -> None:
        self._plan = plan
        size = batches * self.numbers(examples)
        self.inputs: Numbers = aligned_zeros(slots * size, dtype).reshape(slots, size)
        """[slots, numbers]; in a slot the batches lie one after the other."""
        self._examples = [0] * slots

    def numbers(self, examples: int) -> int:
        """Of a batch of so many examples."""
        return self._plan.input_image(0).positions * self._plan.groups(examples) * LANES

    def make_room(self, slot: int, examples: int) -> None:
        """Batches of so many examples will be laid out in a slot: borders and lanes without an example are zero."""
        if self._examples[slot] not in (0, examples):
            self.inputs[slot] = 0
        self._examples[slot] = examples

    def load(self, slots: Sequence[int], inputs: Numbers) -> None:
        """Take back what the slots held."""
        self.inputs[slots] = inputs
        for slot in slots:
            self._examples[slot] = -1


def in_batches(inputs: Tensor, examples: int, dtype: np.dtype[np.floating]) -> Examples:
    """``inputs`` [N, *shape], in their order, in batches of so many examples."""
    rows = np.full((-(-len(inputs) // examples), examples), -1, np.int64)
    rows.ravel()[: len(inputs)] = np.arange(len(inputs))
    return Examples(_flat(inputs, dtype), rows)


def examples_of(batch: Batch, dtype: np.dtype[np.floating]) -> Examples:
    """Those of a step's batches."""
    source = batch.source.numpy()
    if source.dtype == dtype and source.flags.c_contiguous:
        return Examples(source.reshape(len(source), -1), np.ascontiguousarray(batch.chosen.numpy()))
    inputs = batch.inputs.flatten(0, 1)
    return Examples(_flat(inputs, dtype), np.arange(len(inputs)).reshape(batch.chosen.shape))


def _flat(inputs: Tensor, dtype: np.dtype[np.floating]) -> Numbers:
    return np.ascontiguousarray(inputs.reshape(len(inputs), -1).numpy(), dtype)
