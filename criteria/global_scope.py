"""The topology update in global scope: one budget for all layers, so that weights move between layers."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.errors import InputError
from criteria.normalisation import Normalisation
from criteria.selection import lowest
from criteria.topology import Resurrection, TopologyUpdate, checked, growable, prune_count

ALL = "all layers"

Selection = Callable[[Tensor, int], Tensor]
"""Selects a number of weights of all layers among those given, both bool [weights of all layers]."""


def update_topology_globally(
    layers: Sequence[Layer],
    criterion: Criterion,
    growth: Growth,
    prune_fraction: float,
    resurrection: Resurrection = "forbid",
    normalisation: Normalisation | None = None,
) -> list[TopologyUpdate]:
    """Prune and grow the same number of weights of all ``layers`` (at least one) together; one outcome per layer.

    Their density together stays exactly what it is, while that of each layer moves; a layer keeps at least the weight
    that the criterion would prune last. ``resurrection`` means what it means in
    :func:`~criteria.topology.update_topology`. Scores of all layers, normalised if asked for, are compared with each
    other. A criterion or growth with a ``select`` of its own (SET) is given the layers as one flat layer instead; it
    has no score to normalise. Ties between layers are decided by the first layer's generator.

    Raises :class:`InputError` for a normalisation that cannot be done, and ``ValueError`` where the criterion or growth
    does not select the number asked for, or selects elsewhere.
    """
    mask = _flat(layer.mask for layer in layers)
    most = int(mask.sum()) - sum(bool(layer.mask.any()) for layer in layers)
    n = min(prune_count(int(mask.sum()), mask.numel(), prune_fraction, resurrection), most)
    pruned = _sparing_layers(_selection(layers, criterion, normalisation), layers, n)
    candidates = growable(mask, pruned, resurrection)
    grown = checked(_grow(layers, growth, n, candidates), n, candidates, f"growth {type(growth).__name__}", ALL)
    outcome = ((mask & ~pruned) | grown, pruned, grown)
    return [TopologyUpdate(*parts) for parts in zip(*(_per_layer(part, layers) for part in outcome), strict=True)]


def _selection(layers: Sequence[Layer], criterion: Criterion, normalisation: Normalisation | None) -> Selection:
    if type(criterion).select is not Criterion.select:
        who = f"criterion {type(criterion).__name__}"
        if normalisation is not None:
            raise InputError(
                f"{who} has a selection of its own and no score to normalise over {normalisation.over}; "
                "leave the normalisation out"
            )
        return lambda where, n: checked(criterion.select(_joined(layers, where), n), n, where, who, ALL)
    each = [criterion.score(layer) for layer in layers]
    if normalisation is not None:
        each = [normalisation(score, layer.mask) for score, layer in zip(each, layers, strict=True)]
    scores = _flat(each)
    return lambda where, n: lowest(scores, where, n, layers[0].generator)


def _sparing_layers(select: Selection, layers: Sequence[Layer], n: int) -> Tensor:
    """The ``n`` weights to prune, sparing the one to be pruned last in each layer that would lose everything."""
    mask = prunable = _flat(layer.mask for layer in layers)
    while True:
        pruned = select(prunable, n)
        left = _per_layer(mask & ~pruned, layers)
        lost = [layer for layer, rest in zip(layers, left, strict=True) if layer.mask.any() and not rest.any()]
        if not lost:
            return pruned
        for layer in lost:
            alone = _flat(other.mask & (other is layer) for other in layers)
            last = alone & ~select(alone, int(alone.sum()) - 1)
            prunable = prunable & ~last


def _grow(layers: Sequence[Layer], growth: Growth, n: int, candidates: Tensor) -> Tensor:
    if type(growth).select is not Growth.select:
        return growth.select(_joined(layers, _flat(layer.mask for layer in layers)), n, candidates)
    return lowest(-_flat(growth.score(layer) for layer in layers), candidates, n, layers[0].generator)


def _joined(layers: Sequence[Layer], mask: Tensor) -> Layer:
    """All layers as one flat layer, of which only the weights in ``mask`` are active."""
    return Layer(
        name=ALL,
        weight=_flat(layer.weight for layer in layers) * mask,
        grad=_flat_or_none([layer.grad for layer in layers]),
        mask=mask,
        step=layers[0].step,
        generator=layers[0].generator,
        momentum=_flat_or_none([layer.momentum for layer in layers]),
    )


def _flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


def _flat_or_none(tensors: Sequence[Tensor | None]) -> Tensor | None:
    present = [tensor for tensor in tensors if tensor is not None]
    return _flat(present) if len(present) == len(tensors) else None


def _per_layer(flat: Tensor, layers: Sequence[Layer]) -> list[Tensor]:
    parts = torch.split(flat, [layer.mask.numel() for layer in layers])
    return [part.view(layer.mask.shape) for part, layer in zip(parts, layers, strict=True)]
