"""The topology update in global scope: one budget for all layers, so that weights move between layers."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from criteria.api import Criterion, Growth, Layer
from criteria.errors import InputError
from criteria.normalisation import Normalisation
from criteria.outcome import TopologyUpdate, checked, growable
from criteria.rules import Resurrection, Rules, exchange
from criteria.selection import lowest

ALL = "all layers"

Selection = Callable[[Tensor, int], Tensor]
"""Selects a number of weights of all layers among those given, both bool [weights of all layers]."""


def update_together(
    layers: Sequence[Layer],
    criterion: Criterion,
    growth: Growth,
    prune_fraction: float,
    rules: Rules,
    target: int | None = None,
) -> list[TopologyUpdate]:
    """Prune and grow the same number of weights of all ``layers`` (at least one) together; one outcome per layer.

    With a ``target`` they have so many active weights together afterwards, in the scope ``global``.

    Their density together stays exactly what it is, while that of each layer moves; a layer keeps at least the weight
    that the criterion would prune last. In the scope ``global_prune``, that of the paper's released code, each layer
    grows as many weights as it lost and keeps its density; without resurrection it then loses no more than it can grow,
    and other layers make up for it. Scores of all layers, normalised if asked for, are compared with each other. A
    criterion or growth with a ``select`` of its own (SET) is given the layers as one flat layer instead; it has no
    score to normalise. Ties between layers are decided by the first layer's generator.

    Raises :class:`InputError` for a normalisation that cannot be done, and ``ValueError`` where the criterion or growth
    does not select the number asked for, or selects elsewhere.
    """
    mask = _flat(layer.mask for layer in layers)
    most = [_most_pruned(layer, rules) for layer in layers]
    active = int(mask.sum())
    if target not in (None, active) and rules.scope == "global_prune":
        raise InputError(
            "each layer grows as many weights as it lost, so the density cannot change; take another scope"
        )
    total = active if target is None else target
    wanted, more = exchange(active, mask.numel(), total, prune_fraction, rules.resurrection)
    less = min(wanted, sum(most))
    pruned = _sparing_layers(_selection(layers, criterion, rules.normalisation), layers, less, most)
    if rules.scope == "global_prune":
        grown = _grow_where_lost(layers, growth, pruned, rules.resurrection)
    else:
        grown = _grow_anywhere(layers, growth, pruned, more - (wanted - less), rules.resurrection)
    outcome = ((mask & ~pruned) | grown, pruned, grown)
    return [TopologyUpdate(*parts) for parts in zip(*(_per_layer(part, layers) for part in outcome), strict=True)]


def update_topology_globally(
    layers: Sequence[Layer],
    criterion: Criterion,
    growth: Growth,
    prune_fraction: float,
    resurrection: Resurrection = "forbid",
    normalisation: Normalisation | None = None,
) -> list[TopologyUpdate]:
    """Prune and grow all layers together: :func:`~criteria.topology.update_layers` in global scope."""
    return update_together(layers, criterion, growth, prune_fraction, Rules("global", resurrection, normalisation))


def _most_pruned(layer: Layer, rules: Rules) -> int:
    """How many weights a layer may lose: it keeps one, and where it has to grow as many itself, it can."""
    active = int(layer.mask.sum())
    most = max(active - 1, 0)
    grows_itself = rules.scope == "global_prune" and rules.resurrection == "forbid"
    return min(most, layer.mask.numel() - active) if grows_itself else most


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


def _sparing_layers(select: Selection, layers: Sequence[Layer], n: int, most: Sequence[int]) -> Tensor:
    """The ``n`` weights to prune, at most ``most`` of each layer: those of it that would be pruned first."""
    prunable = _flat(layer.mask for layer in layers)
    while True:
        pruned = select(prunable, n)
        lost = [int(part.sum()) for part in _per_layer(pruned, layers)]
        over = [index for index in range(len(layers)) if lost[index] > most[index]]
        if not over:
            return pruned
        for index in over:
            alone = _flat(layer.mask & (layer is layers[index]) for layer in layers)
            prunable = prunable & ~(alone & ~select(alone, most[index]))


def _grow_anywhere(
    layers: Sequence[Layer], growth: Growth, pruned: Tensor, n: int, resurrection: Resurrection
) -> Tensor:
    """``n`` positions of all layers, of which ``pruned`` were just pruned, bool [weights of all layers]."""
    mask = _flat(layer.mask for layer in layers)
    candidates = growable(mask, pruned, resurrection)
    if type(growth).select is not Growth.select:
        grown = growth.select(_joined(layers, mask), n, candidates)
    else:
        grown = lowest(-_flat(growth.score(layer) for layer in layers), candidates, n, layers[0].generator)
    return checked(grown, n, candidates, f"growth {type(growth).__name__}", ALL)


def _grow_where_lost(layers: Sequence[Layer], growth: Growth, pruned: Tensor, resurrection: Resurrection) -> Tensor:
    """As many positions of each layer as were ``pruned`` of it, bool [weights of all layers]."""
    grown = []
    for layer, lost in zip(layers, _per_layer(pruned, layers), strict=True):
        n, candidates = int(lost.sum()), growable(layer.mask, lost, resurrection)
        who = f"growth {type(growth).__name__}"
        grown.append(checked(growth.select(layer, n, candidates), n, candidates, who, layer.name))
    return _flat(grown)


def _joined(layers: Sequence[Layer], mask: Tensor) -> Layer:
    """All layers as one flat layer, of which only the weights in ``mask`` are active."""
    products = [layer.hessian_gradient for layer in layers if layer.hessian_gradient is not None]
    return Layer(
        name=ALL,
        weight=_flat(layer.weight for layer in layers) * mask,
        grad=_flat_or_none([layer.grad for layer in layers]),
        mask=mask,
        step=layers[0].step,
        generator=layers[0].generator,
        momentum=_flat_or_none([layer.momentum for layer in layers]),
        input_norm=_flat_or_none([layer.input_norm for layer in layers]),
        hessian_gradient=(lambda temperature: _flat(each(temperature) for each in products)) if products else None,
    )


def _flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in tensors])


def _flat_or_none(tensors: Sequence[Tensor | None]) -> Tensor | None:
    present = [tensor for tensor in tensors if tensor is not None]
    return _flat(present) if len(present) == len(tensors) else None


def _per_layer(flat: Tensor, layers: Sequence[Layer]) -> list[Tensor]:
    parts = torch.split(flat, [layer.mask.numel() for layer in layers])
    return [part.view(layer.mask.shape) for part, layer in zip(parts, layers, strict=True)]
