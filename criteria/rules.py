"""The rules of topology updates as values: what is pruned together, what may grow, and what grown weights find.

Importing this module needs no torch, so that settings can be read and checked without it.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from criteria.errors import InputError
from criteria.normalisation import Normalisation

Scope = Literal["local", "global", "global_prune"]
"""Whether each layer is pruned and grown by itself, or all of them together; with ``global_prune`` all are pruned
together and each grows as many weights as it lost (the paper's released code)."""
Resurrection = Literal["forbid", "allow", "restart"]
"""Whether growth may choose weights pruned in the same update, which then keep their value or restart at 0."""
Distribution = Literal["erk", "er", "uniform"]
"""How a network's density is shared out among its layers (:func:`criteria.distribution.layer_counts`)."""
GrownMomentum = Literal["keep", "reset", "mean"]
"""What a grown weight finds in the optimizer's state: what gathered there meanwhile (the paper), zero, or the mean of
what is there for the layer's weights that stayed active."""
GrownValue = Literal["zero", "uniform", "old"]
"""Where a grown weight starts: at zero (RigL and the paper); at a draw from U(−√(6/n), √(6/n)) with the n inputs of its
output unit (SET as it was first released); or at what it was when it was pruned last, initially its initial weight."""
FanIn = Literal["free", "constant"]
"""Whether each output unit keeps its number of active inputs in every update (:mod:`criteria.fan_in`)."""

_CHOICES = {
    "scope": Scope,
    "resurrection": Resurrection,
    "grown_momentum": GrownMomentum,
    "grown_value": GrownValue,
    "fan_in": FanIn,
}


@dataclass(frozen=True)
class Rules:
    """How one topology update goes, the same for every criterion and growth; the defaults are those of the contract.

    Raises :class:`InputError` for values that are not among those above, for a normalisation in local scope and for a
    constant fan-in in another one, for an ablation outside 0 … 1 and for one without a constant fan-in.
    """

    scope: Scope = "local"
    resurrection: Resurrection = "forbid"
    normalisation: Normalisation | None = None
    """What the scores of different layers are divided by where all are pruned together."""
    grown_momentum: GrownMomentum = "keep"
    grown_value: GrownValue = "zero"
    fan_in: FanIn = "free"
    ablation: float = 0.0
    """The share of its fan-in that has to be salient for a unit to keep its weights (:mod:`criteria.ablation`)."""

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            require_choice(name, getattr(self, name), known)
        if self.normalisation is not None and self.scope == "local":
            raise InputError(
                "normalisation makes the scores of layers comparable, so it needs scope: global or global_prune"
            )
        if self.fan_in == "constant" and self.scope != "local":
            raise InputError("output units keep their fan_in where each layer is updated by itself, in scope: local")
        require_ablation(self.ablation, self.fan_in)


def require_choice(name: str, value: object, known: object) -> None:
    """Raises :class:`InputError` for a value that is not among those of ``known``, a ``Literal``."""
    if value not in get_args(known):
        raise InputError(f"{name} is {value!r}; it can be: {', '.join(get_args(known))}")


def require_ablation(ablation: float, fan_in: FanIn) -> None:
    """Raises :class:`InputError` for a share that is none, and for an ablation of units without a constant fan-in."""
    if not 0 <= ablation <= 1:
        raise InputError(f"ablation is {ablation!r}; it must be between 0 (no unit goes) and 1")
    if ablation and fan_in != "constant":
        raise InputError("an ablation of units hands their weights to others of the same fan-in; set fan_in: constant")


def prune_count(active: int, total: int, prune_fraction: float, resurrection: Resurrection = "forbid") -> int:
    """How many weights a layer with ``active`` of ``total`` weights prunes and grows.

    ``ceil(prune_fraction · active)``, and without resurrection no more than there are inactive positions to grow.
    """
    wanted = math.ceil(prune_fraction * active)
    return min(wanted, total - active) if resurrection == "forbid" else wanted


def exchange(
    active: int, total: int, target: int, prune_fraction: float, resurrection: Resurrection = "forbid"
) -> tuple[int, int]:
    """How many weights a layer with ``active`` of ``total`` weights prunes and grows to have ``target`` afterwards.

    Beside the difference it replaces ``ceil(prune_fraction · weights that are active before and after)`` of them, and
    without resurrection no more than there are inactive positions left to grow.
    """
    if active == target:
        n = prune_count(active, total, prune_fraction, resurrection)
        return n, n
    lost, gained = max(active - target, 0), max(target - active, 0)
    replaced = math.ceil(prune_fraction * min(active, target))
    if resurrection == "forbid":
        replaced = min(replaced, total - active - gained)
    return lost + replaced, gained + replaced
