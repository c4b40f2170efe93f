"""Whether a selection prefers some positions, judged by many draws, with a bound on false alarms that is exact.

In each draw the positions of a layer are shuffled, so that every selection without a preference is as likely as its
mirror image, whatever the plugin is like (it may choose whole rows, balance them, or draw nothing at all). So the
difference between a position and its mirror image is as likely positive as negative, independently from draw to draw.
For such differences d, P(|Σd| ≥ x·√Σd²) ≤ 2·exp(−x²/2) (Hoeffding, 1963, given their absolute values). The same holds
for pairs of rows and pairs of columns, each of which may be swapped without the others; they are summed up over a
whole layer, which finds a small lean in few draws. All these tests share the alarm (Bonferroni).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

ALARM = 1e-9
"""Probability that a selection without a preference is called a lean in one case."""

MOST_POSITIONS = 20_000
"""In larger layers positions are not looked at one by one: too few draws are made."""


@dataclass
class _Differences:
    """Sums of differences that are as likely positive as negative, each [number of places]."""

    total: Tensor
    squares: Tensor

    def add(self, differences: Tensor) -> None:
        """Another draw."""
        self.total = self.total + differences
        self.squares = self.squares + differences.square()


def lean(selections: Iterable[Tensor]) -> str:
    """Where the selections (each bool [*shape]) lean to; empty where nothing speaks for a lean."""
    single: dict[str, _Differences] = {}
    together: dict[str, _Differences] = {}
    for selected in selections:
        for what, differences in _differences(
            selected.reshape(len(selected) if selected.dim() > 1 else 1, -1).double()
        ):
            _add(single, what, differences)
            if what in ("row", "column"):
                _add(together, what, differences)
    for what, found in together.items():
        pooled = _Differences(found.total.sum(), found.squares.sum())
        if _surprise(pooled) > math.log(2 * 2 * len(together) / ALARM):
            first = "first" if float(pooled.total) > 0 else "last"
            return f"the {first} {what}s are selected more often than the others"
    tests = sum(found.total.numel() for found in single.values())
    for what, found in single.items():
        surprise = _surprise(found)
        if surprise.numel() and float(surprise.max()) > math.log(2 * 2 * tests / ALARM):
            place = int(surprise.argmax())
            more = "more" if float(found.total[place]) > 0 else "less"
            return f"{what} {place} is selected {more} often than its mirror image"
    return ""


def _differences(selected: Tensor) -> Iterable[tuple[str, Tensor]]:
    """Differences between places and their mirror images, by kind; ``selected`` is [rows, columns]."""
    rows, columns = selected.shape
    for what, counts in (("row", selected.sum(1)), ("column", selected.sum(0))):
        yield what, (counts - counts.flip(0))[: len(counts) // 2]
    if selected.numel() > MOST_POSITIONS:
        return
    positions = selected.flatten()
    yield "position", (positions - positions.flip(0))[: len(positions) // 2]
    if rows > 1:
        yield "the front of row", (selected - selected.flip(1))[:, : columns // 2].sum(1)
        yield "the top of column", (selected - selected.flip(0))[: rows // 2].sum(0)


def _add(found: dict[str, _Differences], what: str, differences: Tensor) -> None:
    if what in found:
        found[what].add(differences)
    else:
        found[what] = _Differences(differences, differences.square())


def _surprise(found: _Differences) -> Tensor:
    """x²/2 of each place: minus the logarithm of the bound on its probability, but for the factor 2."""
    return found.total.square() / (2 * found.squares).clamp(min=1e-300)
