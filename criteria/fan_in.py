"""Constant fan-in: a topology update after which every output unit has as many active inputs as before (SRigL).

Lasby et al., 2024, arXiv 2305.02299: the criterion chooses among all weights of the layer, and each output unit grows
as many as it lost. A layer that starts with one fan-in for all units keeps it, which kernels for such layers need. The
paper's ablation of whole units is not done.
"""

from dataclasses import replace

import torch
from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.rules import Resurrection, prune_count
from criteria.selection import lowest
from criteria.topology_update import TopologyUpdate, checked, growable


def update_each_output(
    layer: Layer, criterion: Criterion, growth: Growth, prune_fraction: float, resurrection: Resurrection
) -> TopologyUpdate:
    """Prune and grow one layer so that each output unit, the first dimension, keeps its number of active weights.

    Without resurrection a unit loses no more than it can grow, and others make up for it. A layer of one dimension is
    one unit. Raises ``ValueError`` where the criterion or growth does not select what was asked for.
    """
    mask, rows = layer.mask, _rows(layer.mask)
    most = rows.sum(1)
    if resurrection == "forbid":
        most = torch.minimum(most, rows.shape[1] - most)
    wanted = prune_count(int(mask.sum()), mask.numel(), prune_fraction, resurrection)
    pruned = _sparing_outputs(layer, criterion, min(wanted, int(most.sum())), most)
    candidates = growable(mask, pruned, resurrection)
    grown = _grown_where_lost(layer, growth, _rows(pruned).sum(1), candidates)
    return TopologyUpdate(mask=(mask & ~pruned) | grown, pruned=pruned, grown=grown)


def fan_in_mask(shape: tuple[int, ...], count: int, generator: torch.Generator) -> Tensor:
    """A random mask, bool [*shape], of one fan-in for all output units: what comes nearest to ``count``, at least 1."""
    outputs = shape[0] if len(shape) > 1 else 1
    inputs = torch.Size(shape).numel() // outputs
    each = min(inputs, max(1, round(count / outputs)))
    order = torch.rand(outputs, inputs, generator=generator).argsort(1)
    return (torch.zeros(outputs, inputs, dtype=torch.bool).scatter_(1, order[:, :each], True)).view(shape)


def fan_ins(mask: Tensor) -> Tensor:
    """How many active weights each output unit has, int64 [units]."""
    return _rows(mask).sum(1)


def most_replaced(mask: Tensor) -> int:
    """How many weights of a layer can be replaced without resurrection, while every unit keeps its number."""
    active = fan_ins(mask)
    return int(torch.minimum(active, _rows(mask).shape[1] - active).sum())


def _sparing_outputs(layer: Layer, criterion: Criterion, n: int, most: Tensor) -> Tensor:
    """The ``n`` weights to prune, at most ``most`` of each unit: those of it that would be pruned first."""
    prunable, who = layer.mask, f"criterion {type(criterion).__name__}"

    def select(where: Tensor, number: int) -> Tensor:
        shown = replace(layer, mask=where, weight=layer.weight * where)
        return checked(criterion.select(shown, number), number, where, who, layer.name)

    while True:
        pruned = select(prunable, n)
        over = (_rows(pruned).sum(1) > most).nonzero().flatten().tolist()
        if not over:
            return pruned
        for unit in over:
            alone = _unit(layer.mask, unit)
            prunable = prunable & ~(alone & ~select(alone, int(most[unit])))


def _grown_where_lost(layer: Layer, growth: Growth, lost: Tensor, candidates: Tensor) -> Tensor:
    """As many positions of each unit as it lost, bool [*shape]."""
    grown, who = torch.zeros_like(layer.mask), f"growth {type(growth).__name__}"
    own = type(growth).select is not Growth.select
    scores = None if own else -_rows(growth.score(layer))
    for unit in lost.nonzero().flatten().tolist():
        n = int(lost[unit])
        if scores is None:
            allowed = candidates & _unit(torch.ones_like(candidates), unit)
            grown |= checked(growth.select(layer, n, allowed), n, allowed, who, layer.name)
        else:
            _rows(grown)[unit] = lowest(scores[unit], _rows(candidates)[unit], n, layer.generator)
    return grown


def _rows(tensor: Tensor) -> Tensor:
    """[units, weights of each]."""
    return tensor.flatten(1) if tensor.dim() > 1 else tensor.view(1, -1)


def _unit(mask: Tensor, unit: int) -> Tensor:
    """What of a mask is in one unit, bool [*shape]."""
    alone = torch.zeros_like(mask)
    _rows(alone)[unit] = _rows(mask)[unit]
    return alone
