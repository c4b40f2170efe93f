"""The outcome of a topology update, and what is checked of every selection that goes into one."""

import math
from dataclasses import dataclass

from torch import Tensor

from criteria.api import Layer
from criteria.rules import Resurrection


@dataclass(frozen=True)
class TopologyUpdate:
    """The outcome of one topology update of one layer; each tensor is bool [*shape]."""

    mask: Tensor
    """Active positions after the update."""
    pruned: Tensor
    """What the criterion selected, including what growth brought straight back (unless ``resurrection="forbid"``)."""
    grown: Tensor
    """What the growth criterion selected."""
    start: Tensor | None = None
    """[*shape], what a grown weight starts at, read at such positions only; None: they start at 0."""


def growable(mask: Tensor, pruned: Tensor, resurrection: Resurrection) -> Tensor:
    """The positions that growth may choose from, bool [*shape]."""
    return ~mask if resurrection == "forbid" else ~mask | pruned


def uniform_start(layer: Layer) -> Tensor:
    """Draws from U(−√(6/n), √(6/n)) for every position, [*shape], with the n inputs of an output unit (He et al.).

    The released code of SET gives these to the weights that it grows.
    """
    inputs = math.prod(layer.mask.shape[1:]) if layer.mask.dim() > 1 else layer.mask.numel()
    return (2 * layer.uniform() - 1) * math.sqrt(6 / inputs)


def checked(selected: Tensor, n: int, allowed: Tensor, who: str, where: str) -> Tensor:
    """``selected``, which density depends on: so it is checked at every update, not only by the contract."""
    count = int(selected.count_nonzero())
    if count != n or bool((selected & ~allowed).any()):
        outside = int((selected & ~allowed).count_nonzero())
        them = f", {outside} of them not allowed" if outside else ""
        raise ValueError(f"{who} selected {count} positions of layer {where}{them}; {n} allowed ones were asked for")
    return selected
