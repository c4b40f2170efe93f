"""Asking criteria what they would prune, and counting what their sets share (paper, Figure 6)."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from benchmark.experiments.outcome import Overlap
from criteria import Criterion, Layer
from criteria.rules import prune_count
from criteria.topology import checked


@dataclass(frozen=True)
class Comparison:
    """Criteria that are asked at a member's topology updates what they would prune; its training does not notice."""

    criteria: tuple[Criterion, ...]
    """None of them follows the training (:meth:`Criterion.observe`): they see but the layers of that update."""
    every: int | None = None
    """Optimizer steps from one comparison to the next; None: at the first update only."""
    fractions: tuple[float, ...] | None = None
    """Prune fractions that they are asked for; None: the update's own."""

    def due(self, step: int, update_period: int) -> bool:
        """Whether the update at ``step`` is compared: the first one, or the first since a multiple of ``every``."""
        if self.every is None:
            return step == update_period
        return step // self.every > (step - update_period) // self.every


def overlap(layers: Sequence[Layer], criteria: Sequence[Criterion], fraction: float, step: int) -> Overlap:
    """Ask every criterion what it would prune of ``layers``, and compare each two of them.

    Each is given the same random stream, that of the layer, which stays as it is: criteria that agree on every score
    also break ties alike. Raises ``ValueError`` for one that does not select the number asked for.
    """
    found = Overlap(step, fraction)
    for layer in layers:
        n = prune_count(int(layer.mask.sum()), layer.mask.numel(), fraction, "allow")
        sets = [_would_prune(layer, criterion, n) for criterion in criteria]
        found.pruned[layer.name] = n
        found.shared[layer.name] = [int((a & b).sum()) for a, b in itertools.combinations(sets, 2)]
    return found


def _would_prune(layer: Layer, criterion: Criterion, n: int) -> Tensor:
    own = replace(layer, generator=layer.generator.clone_state())
    return checked(criterion.select(own, n), n, layer.mask, f"criterion {type(criterion).__name__}", layer.name)
