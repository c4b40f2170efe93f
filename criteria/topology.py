"""The topology update: one prune-and-grow of one layer, the same for every criterion and growth."""

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from criteria.api import Criterion, Growth, Layer

Resurrection = Literal["forbid", "allow", "restart"]
"""Whether growth may choose weights pruned in the same update, which then keep their value or restart at 0."""


@dataclass(frozen=True)
class TopologyUpdate:
    """The outcome of one topology update of one layer; each tensor is bool [*shape]."""

    mask: Tensor
    """Active positions after the update."""
    pruned: Tensor
    """What the criterion selected, including what growth brought straight back (unless ``resurrection="forbid"``)."""
    grown: Tensor
    """What the growth criterion selected."""


def prune_count(active: int, total: int, prune_fraction: float, resurrection: Resurrection = "forbid") -> int:
    """How many weights a layer with ``active`` of ``total`` weights prunes and grows.

    ``ceil(prune_fraction · active)``, and without resurrection no more than there are inactive positions to grow.
    """
    wanted = math.ceil(prune_fraction * active)
    return min(wanted, total - active) if resurrection == "forbid" else wanted


def update_topology(
    layer: Layer, criterion: Criterion, growth: Growth, prune_fraction: float, resurrection: Resurrection = "forbid"
) -> TopologyUpdate:
    """Prune and grow the same number of weights of ``layer``, so that its density stays exactly what it is.

    With ``resurrection="forbid"`` growth chooses among the positions that were inactive before the update: nothing
    pruned comes back at once. With ``"allow"`` it may also choose what was just pruned, as the paper's released code
    does; ``"restart"`` selects as ``"allow"`` does. The layer is not changed: multiplying the weights by the new mask
    sets pruned ones to 0, lets grown ones start at 0, and lets resurrected ones keep their value. With ``"restart"``
    the pruned weights have to be set to 0 besides, so that resurrected ones start at 0 too.

    Raises ``ValueError`` where the criterion or growth does not select the number asked for, or selects elsewhere.
    """
    mask = layer.mask
    n = prune_count(int(mask.sum()), mask.numel(), prune_fraction, resurrection)
    pruned = checked(criterion.select(layer, n), n, mask, f"criterion {type(criterion).__name__}", layer.name)
    candidates = growable(mask, pruned, resurrection)
    grown = checked(growth.select(layer, n, candidates), n, candidates, f"growth {type(growth).__name__}", layer.name)
    return TopologyUpdate(mask=(mask & ~pruned) | grown, pruned=pruned, grown=grown)


def growable(mask: Tensor, pruned: Tensor, resurrection: Resurrection) -> Tensor:
    """The positions that growth may choose from, bool [*shape]."""
    return ~mask if resurrection == "forbid" else ~mask | pruned


def checked(selected: Tensor, n: int, allowed: Tensor, who: str, where: str) -> Tensor:
    """``selected``, which density depends on: so it is checked at every update, not only by the contract."""
    count = int(selected.sum())
    if count != n or bool((selected & ~allowed).any()):
        raise ValueError(f"{who} selected {count} positions of layer {where}; {n} allowed ones were asked for")
    return selected
