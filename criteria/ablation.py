"""Constant fan-in with ablation: units that keep too few salient weights lose all of them to the other units (SRigL).

Lasby et al., 2024, arXiv 2305.02299; the rule is that of the released code, calgaryml/condensed-sparsity,
``rigl_constant_fan.py``. There a unit that was ablated may come back, while here it is gone for good.
"""

import math

from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.errors import InputError
from criteria.fan_in import fan_ins, grown_in_units, sparing_outputs
from criteria.rules import Rules, prune_count
from criteria.selection import lowest
from criteria.topology_update import TopologyUpdate, checked, growable


def update_with_ablation(
    layer: Layer, criterion: Criterion, growth: Growth, prune_fraction: float, rules: Rules, target: int
) -> TopologyUpdate:
    """Prune and grow one layer; units with fewer than ``rules.ablation`` · (fan-in at the start) salient weights go.

    Salient are the weights that the criterion would keep, and as many candidates as it would prune that growth would
    choose first. ``target`` is how many weights the layer started with; the units that are left share them, so that
    all have the largest fan-in with which they are not more. Raises :class:`InputError` where the units differ in their
    fan-in, and ``ValueError`` where the criterion or growth does not select what was asked for.
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

    As many stay as have room for ``target`` weights.
    """
    inputs = layer.mask.numel() // len(alive)
    poor = alive & (salient < least)
    spare = int(alive.sum()) - max(1, math.ceil(target / inputs))
    return lowest(salient, poor, max(0, min(int(poor.sum()), spare)), layer.generator)


def _spread(units: Tensor, mask: Tensor) -> Tensor:
    """What of a layer belongs to some units, bool [*shape]."""
    return units.view(-1, *(1,) * (mask.dim() - 1)).expand_as(mask) if mask.dim() > 1 else units.expand_as(mask)
