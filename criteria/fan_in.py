"""Constant fan-in: a topology update after which every output unit has as many active inputs as before (SRigL).

Lasby et al., 2024, arXiv 2305.02299: the criterion chooses among all weights of the layer, and each output unit grows
as many as it lost. A layer that starts with one fan-in for all units keeps it, which kernels for such layers need. The
paper's ablation of whole units is in :mod:`criteria.ablation`.
"""

from dataclasses import replace

import torch
from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.outcome import TopologyUpdate, checked, growable
from criteria.rules import Resurrection, prune_count
from criteria.selection import lowest


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
    pruned = sparing_outputs(layer, criterion, min(wanted, int(most.sum())), most, mask)
    candidates = growable(mask, pruned, resurrection)
    grown = grown_in_units(layer, growth, _rows(pruned).sum(1), candidates)
    return TopologyUpdate(mask=(mask & ~pruned) | grown, pruned=pruned, grown=grown)


def fan_in_mask(shape: tuple[int, ...], count: int, generator: torch.Generator) -> Tensor:
    """A random mask, bool [*shape], of one fan-in for all output units: what comes nearest to ``count``, at least 1."""
    outputs, inputs = _units(shape)
    each = fan_in_count(shape, count) // outputs
    order = torch.rand(outputs, inputs, generator=generator).argsort(1)
    return (torch.zeros(outputs, inputs, dtype=torch.bool).scatter_(1, order[:, :each], True)).view(shape)


def fan_in_count(shape: tuple[int, ...], count: int) -> int:
    """How many weights a layer has whose units have one fan-in: what comes nearest to ``count``, at least 1 each."""
    outputs, inputs = _units(shape)
    return outputs * min(inputs, max(1, round(count / outputs)))


def fan_ins(mask: Tensor) -> Tensor:
    """How many active weights each output unit has, int64 [units]."""
    return _rows(mask).sum(1)


def most_replaced(mask: Tensor) -> int:
    """How many weights of a layer can be replaced without resurrection, while every unit keeps its number."""
    active = fan_ins(mask)
    return int(torch.minimum(active, _rows(mask).shape[1] - active).sum())


def sparing_outputs(layer: Layer, criterion: Criterion, n: int, most: Tensor, among: Tensor) -> Tensor:
    """The ``n`` weights ``among`` active ones, bool [*shape], that go, at most ``most`` of each unit, int64 [units].

    Of a unit those go that would be pruned first.
    """
    prunable, who = among, f"criterion {type(criterion).__name__}"

    def select(where: Tensor, number: int) -> Tensor:
        shown = replace(layer, mask=where, weight=layer.weight * where)
        return checked(criterion.select(shown, number), number, where, who, layer.name)

    while True:
        pruned = select(prunable, n)
        over = (_rows(pruned).sum(1) > most).nonzero().flatten().tolist()
        if not over:
            return pruned
        for unit in over:
            alone = _unit(among, unit)
            prunable = prunable & ~(alone & ~select(alone, int(most[unit])))


def grown_in_units(layer: Layer, growth: Growth, wanted: Tensor, candidates: Tensor) -> Tensor:
    """As many of each unit's ``candidates`` as are ``wanted`` of it, int64 [units]; bool [*shape]."""
    grown, who = _nothing(layer.mask), f"growth {type(growth).__name__}"
    own = type(growth).select is not Growth.select
    scores = None if own else -_rows(growth.score(layer))
    for unit in wanted.nonzero().flatten().tolist():
        n = int(wanted[unit])
        if scores is None:
            allowed = candidates & _unit(torch.ones_like(candidates), unit)
            grown |= checked(growth.select(layer, n, allowed), n, allowed, who, layer.name)
        else:
            _rows(grown)[unit] = lowest(scores[unit], _rows(candidates)[unit], n, layer.generator)
    return grown


def _units(shape: tuple[int, ...]) -> tuple[int, int]:
    """The number of output units of a layer, and of weights that each of them has."""
    outputs = shape[0] if len(shape) > 1 else 1
    return outputs, torch.Size(shape).numel() // outputs


def _rows(tensor: Tensor) -> Tensor:
    """[units, weights of each]."""
    return tensor.flatten(1) if tensor.dim() > 1 else tensor.view(1, -1)


def _unit(mask: Tensor, unit: int) -> Tensor:
    """What of a mask is in one unit, bool [*shape]."""
    alone = _nothing(mask)
    _rows(alone)[unit] = _rows(mask)[unit]
    return alone


def _nothing(mask: Tensor) -> Tensor:
    """No position of a layer, bool [*shape]; contiguous, since rows are written in place, whatever the mask is."""
    return torch.zeros(mask.shape, dtype=torch.bool, device=mask.device)
