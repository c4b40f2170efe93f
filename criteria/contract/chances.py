"""Whether a selection prefers some positions, judged by many draws, with a bound on false alarms that is exact.

In each draw the positions of a layer are shuffled, so that every selection without a preference is as likely as its
mirror image, whatever the plugin is like (it may choose whole rows, balance them, or draw nothing at all). So the
difference between a position and its mirror image is as likely positive as negative, independently from draw to draw.
For such differences d, P(|Σd| ≥ x·√Σd²) ≤ 2·exp(−x²/2) (Hoeffding, 1963, given their absolute values). The same holds
for pairs of places along one dimension of the layer (two rows, two columns, …), each of which may be swapped without
the others, be they mirror images or neighbours; they are summed up over a whole layer, which finds a small lean in few
draws. And it holds for two ways of putting all places along a dimension in pairs, since some order of the places makes
each of the other: so neighbours are selected together as often as places that are far apart. Along two dimensions at
once it does not hold: a selection of whole kernels selects all places of a kernel together. All these tests share the
alarm (Bonferroni).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

ALARM = 1e-9
"""Probability that a selection without a preference is called a lean in one case."""

MOST_POSITIONS = 20_000
"""In larger layers positions are not looked at one by one: too few draws are made."""


@dataclass(frozen=True)
class _Differences:
    """Sums over the draws of differences that are as likely positive as negative, each [number of places]."""

    total: Tensor
    squares: Tensor


def lean(selections: Iterable[Tensor]) -> str:
    """Where the selections (each bool [*shape]) lean to; empty where nothing speaks for a lean."""
    drawn = torch.stack([each.clone() for each in selections])
    sides = list(_along(drawn))
    for one, other, differences in sides:
        pooled = _Differences(differences.sum(), differences.square().sum())
        if _surprise(pooled) > math.log(2 * 2 * len(sides) / ALARM):
            return f"{one if float(pooled.total) > 0 else other} are selected more often than the others"
    found = {
        what: _Differences(differences.sum(0), differences.square().sum(0))
        for what, differences in _differences(drawn.view(len(drawn), drawn.shape[1] if drawn.dim() > 2 else 1, -1))
    }
    tests = sum(each.total.numel() for each in found.values())
    for what, each in found.items():
        surprise = _surprise(each)
        if surprise.numel() and float(surprise.max()) > math.log(2 * 2 * tests / ALARM):
            place = int(surprise.argmax())
            more = "more" if float(each.total[place]) > 0 else "less"
            return f"{what} {place} is selected {more} often than its mirror image"
    return ""


def _along(selected: Tensor) -> Iterable[tuple[str, str, Tensor]]:
    """Two sides, and differences [draws, …] between them, along each dimension, of bool [draws, *shape]."""
    dims = range(1, selected.dim())
    called = ("rows", "columns") if len(dims) > 1 else ("columns",)
    for dim in dims:
        others = [other for other in dims if other != dim]
        counts = selected.sum(others).double() if others else selected.double()
        what = called[dim - 1] if dim <= len(called) else f"places along dimension {dim - 1}"
        half = counts.shape[1] // 2
        yield f"the first {what}", f"the last {what}", (counts - counts.flip(1))[:, :half]
        yield f"the even {what}", f"the odd {what}", counts[:, 0 : 2 * half : 2] - counts[:, 1::2]
        if half > 1:
            near = _together(selected, dim, slice(0, 2 * half, 2), slice(1, 2 * half, 2))
            far = _together(selected, dim, slice(0, half), slice(half, 2 * half))
            yield f"pairs of neighbouring {what}", f"pairs of distant {what}", (near - far)[:, None]


def _together(selected: Tensor, dim: int, ones: slice, others: slice) -> Tensor:
    """In each draw, how many pairs of places along a dimension are both selected, [draws]."""
    places = selected.movedim(dim, 0)
    return (places[ones] & places[others]).sum([0, *range(2, selected.dim())]).double()


def _differences(selected: Tensor) -> Iterable[tuple[str, Tensor]]:
    """Differences [draws, places] between places and their mirror images, by kind, of bool [draws, rows, columns]."""
    draws, rows, columns = selected.shape
    for what, counts in (("row", selected.sum(2).double()), ("column", selected.sum(1).double())):
        yield what, (counts - counts.flip(1))[:, : counts.shape[1] // 2]
    if rows * columns > MOST_POSITIONS:
        return
    single = selected.double()
    positions = single.view(draws, -1)
    yield "position", (positions - positions.flip(1))[:, : rows * columns // 2]
    if rows > 1:
        yield "the front of row", (single - single.flip(2))[:, :, : columns // 2].sum(2)
        yield "the top of column", (single - single.flip(1))[:, : rows // 2].sum(1)


def _surprise(found: _Differences) -> Tensor:
    """x²/2 of each place: minus the logarithm of the bound on its probability, but for the factor 2."""
    return found.total.square() / (2 * found.squares).clamp(min=1e-300)
