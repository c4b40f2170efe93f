"""A step as a CUDA graph: its hundreds of small kernels are recorded once and then started by one call."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

Found = TypeVar("Found")
WARM_UP = 3
"""Calls that compute before the recording, on a stream of their own, as CUDA's libraries want to be set up."""


@dataclass(frozen=True)
class _Recording(Generic[Found]):
    graph: torch.cuda.CUDAGraph
    inputs: Tensor
    targets: Tensor
    found: Found


class Replayed(Generic[Found]):
    """A function of a batch that is recorded at its fourth call with inputs of one shape, and replayed from then on.

    What it gives is overwritten by the next call. Inputs of another shape, as the last batch of an epoch has, are
    computed as before: a second recording would take the memory of a step once more.
    """

    def __init__(self, compute: Callable[[Tensor, Tensor], Found]) -> None:
        self._compute = compute
        self._calls: Counter[tuple[object, ...]] = Counter()
        self._recorded: tuple[object, ...] | None = None
        self._recording: _Recording[Found] | None = None

    def __call__(self, inputs: Tensor, targets: Tensor) -> Found:
        """What the function gives for ``inputs`` and ``targets``."""
        kind = (inputs.shape, targets.shape, torch.is_autocast_enabled(inputs.device.type))
        self._calls[kind] += 1
        if self._recording is None and self._calls[kind] > WARM_UP:
            self._recording, self._recorded = self._record(inputs, targets), kind
        if self._recording is not None and kind == self._recorded:
            self._recording.inputs.copy_(inputs)
            self._recording.targets.copy_(targets)
            self._recording.graph.replay()
            return self._recording.found
        return self._compute(inputs, targets) if self._recording is not None else self._aside(inputs, targets)

    def _aside(self, inputs: Tensor, targets: Tensor) -> Found:
        ours, aside = torch.cuda.current_stream(inputs.device), torch.cuda.Stream(inputs.device)  # type: ignore[no-untyped-call]
        aside.wait_stream(ours)
        with torch.cuda.stream(aside):
            found = self._compute(inputs, targets)
        ours.wait_stream(aside)
        return found

    def _record(self, inputs: Tensor, targets: Tensor) -> _Recording[Found]:
        """Record one call, which computes nothing yet."""
        kept, wanted = inputs.clone(), targets.clone()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            found = self._compute(kept, wanted)
        return _Recording(graph, kept, wanted, found)
