"""Constant fan-in with ablation: units that keep too few salient weights lose all of them to the other units (SRigL).

Lasby et al., 2024, arXiv 2305.02299; the rule is that of the released code, calgaryml/condensed-sparsity,
``rigl_constant_fan.py``, but for three things. There a unit that was ablated may come back, while here it is gone for
good; there all units below the limit go, however much density is lost when the others cannot share their weights
evenly, while here as many go as lose next to none; and there the largest gradients are salient wherever they are, while
here they are those of candidates. The number of weights that are pruned is rounded down there, and up here.
"""

from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.errors import InputError
from criteria.fan_in import fan_ins, grown_in_units, sparing_outputs
from criteria.outcome import TopologyUpdate, checked, growable
from criteria.rules import Rules, prune_count
from criteria.selection import lowest

LOST = 0.02
"""The share of a layer's weights that may be lost because its units cannot share them evenly."""


def update_with_ablation(
    layer: Layer, criterion: Criterion, growth: Growth, prune_fraction: float, rules: Rules, target: int
) -> TopologyUpdate:
    """Prune and grow one layer; units with fewer than ``rules.ablation`` · (fan-in at the start) salient weights go.

    Salient are the weights that the criterion would keep, and as many candidates as it would prune that growth would
    choose first. ``target`` is how many weights the layer started with; the units that are left share them, so that
    all have the largest fan-in with which they are not more, and at most :data:`LOST` of them fewer.

    Raises :class:`InputError` where the units differ in their fan-in, and ``ValueError`` where the criterion or growth
    does not select what was asked for.
    """
    mask, forbid = layer.mask, rules.resurrection == "forbid"
    alive = fan_ins(mask) > 0
    units, inputs = int(alive.sum()), mask.numel() // len(alive)
    fan_in = int(mask.sum()) // max(units, 1)
    if bool((fan_ins(mask)[alive] != fan_in).any()) or target < int(mask.sum()):
        raise InputError(f"layer {layer.name} has no constant fan-in, which an ablation of units needs")
    n = prune_count(units * fan_in, units * inputs, prune_fraction, rules.resurrection)
    least = max(1, int(rules.ablation * (target // len(alive))))
    ablated = _ablated(layer, _salient(layer, criterion, growth, n), alive, least, target)
    left = alive & ~ablated
    new = min(inputs, target // max(int(left.sum()), 1))
    most = left * (min(fan_in, inputs - new) if forbid else fan_in)
    rest = min(max(0, n - int(ablated.sum()) * fan_in), int(most.sum()))
    gone = mask & _spread(ablated, mask)
    pruned = gone | sparing_outputs(layer, criterion, rest, most, mask & ~gone)
    kept = mask & ~pruned
    candidates = growable(mask, pruned, rules.resurrection) & _spread(left, mask)
    grown = grown_in_units(layer, growth, left * (new - fan_ins(kept)), candidates)
    return TopologyUpdate(mask=kept | grown, pruned=pruned, grown=grown)


def ablated_units(mask: Tensor) -> int:
    """How many output units have no weight."""
    return int((fan_ins(mask) == 0).sum())


def _salient(layer: Layer, criterion: Criterion, growth: Growth, n: int) -> Tensor:
    """How many salient weights each unit has where ``n`` of the layer would be replaced, int64 [units]."""
    mask = layer.mask
    candidates = ~mask & _spread(fan_ins(mask) > 0, mask)
    pruned = checked(criterion.select(layer, n), n, mask, f"criterion {type(criterion).__name__}", layer.name)
    more = min(n, int(candidates.sum()))
    who = f"growth {type(growth).__name__}"
    promising = checked(growth.select(layer, more, candidates), more, candidates, who, layer.name)
    return fan_ins((mask & ~pruned) | promising)


def _ablated(layer: Layer, salient: Tensor, alive: Tensor, least: int, target: int) -> Tensor:
    """The units that go, bool [units]: those with fewer than ``least`` salient weights, the poorest of them first.

    As many go as leave units that can share ``target`` weights.
    """
    poor, units = alive & (salient < least), int(alive.sum())
    inputs = layer.mask.numel() // len(alive)
    shared = [units - gone for gone in range(int(poor.sum()) + 1) if _can_share(units - gone, inputs, target)]
    return lowest(salient, poor, units - min(shared, default=units), layer.generator)


def _can_share(units: int, inputs: int, target: int) -> bool:
    """Whether so many units of so many inputs have room for nearly all weights, as many in each."""
    return units > 0 and target - units * min(inputs, target // units) <= LOST * target


def _spread(units: Tensor, mask: Tensor) -> Tensor:
    """What of a layer belongs to some units, bool [*shape]."""
    return units.view(-1, *(1,) * (mask.dim() - 1)).expand_as(mask) if mask.dim() > 1 else units.expand_as(mask)
