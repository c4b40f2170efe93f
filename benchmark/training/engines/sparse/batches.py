"""Batches that are laid out as compiled code reads them: those of an evaluation, and those of the last steps."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from benchmark.training.engines.sparse.layout import lay_out
from benchmark.training.engines.sparse.memory import aligned
from benchmark.training.engines.sparse.plan import Plan
from benchmark.training.engines.sparse.stepping import Numbers
from benchmark.training.engines.sparse.vectors import LANES


class Batches:
    """Memory for batches in some slots, each for some batches of so many examples at most."""

    def __init__(self, plan: Plan, slots: int, batches: int, examples: int, dtype: np.dtype[np.floating]) -> None:
        self._plan = plan
        size = batches * self.numbers(examples)
        self.inputs: Numbers = aligned(slots * size, dtype).reshape(slots, size)
        """[slots, numbers]; in a slot the batches lie one after the other."""
        self._examples: list[tuple[int, ...]] = [() for _ in range(slots)]

    def numbers(self, examples: int) -> int:
        """Of a batch of so many examples."""
        return self._plan.input_image(0).positions * self._plan.groups(examples) * LANES

    def lay_out(self, slot: int, batches: Sequence[Tensor], examples: int) -> None:
        """Put batches, each [examples, *shape], into a slot; they may have fewer than ``examples``."""
        image, size = self._plan.input_image(0), self.numbers(examples)
        row = self._plan.tables(examples).buffers[0]
        counts = (examples, *(len(batch) for batch in batches))
        if self._examples[slot] != counts:
            if any(batch.numel() < size for batch in batches):
                self.inputs[slot] = 0  # borders, and lanes without an example
            self._examples[slot] = counts
        for number, batch in enumerate(batches):
            there = self.inputs[slot, number * size : (number + 1) * size]
            lay_out(batch.reshape(len(batch), -1).contiguous().numpy(), row, *image.shape, there)

    def load(self, slots: Sequence[int], inputs: Numbers) -> None:
        """Take back what the slots held."""
        self.inputs[slots] = inputs
        for slot in slots:
            self._examples[slot] = ()
