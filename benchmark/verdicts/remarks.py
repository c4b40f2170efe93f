"""What a reader must know of the runs behind a mean: which diverged, were never pruned, or skipped the contract."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from benchmark.experiments.cells import Cell
from benchmark.system.quantity import quantity
from benchmark.verdicts.contenders import Setting

Runs: TypeAlias = Collection[tuple[Cell, int]]
"""Runs by their cell and seed."""
Place: TypeAlias = tuple[Setting, str]
"""A criterion in a setting, or over all of its densities."""


@dataclass(frozen=True)
class Noted:
    """The runs of an experiment that a reader must know of; they count with the accuracy that they have."""

    diverged: Runs = ()
    """Their loss, weights or gradients stopped being finite."""
    untouched: Runs = ()
    """Their best checkpoint is older than the first topology update."""
    unproven: Runs = ()
    """They were trained with ``--no-contract``."""

    def flags(self, setting: Setting, criterion: str, seeds: int) -> list[str]:
        """The remarks on a criterion in a setting, or over all densities, where it has so many ``seeds``."""
        place, found = (setting, criterion), []
        if place in self._unproven:
            found.append("trained with --no-contract")
        if diverged := self._diverged.get(place, ()):
            found.append(f"diverged with seed{'s' if len(diverged) > 1 else ''} {', '.join(map(str, diverged))}")
        if untouched := self._untouched.get(place, ()):
            which = "all seeds" if len(untouched) >= seeds else quantity(len(untouched), "seed")
            found.append(f"the best checkpoint is from before the first topology update with {which}")
        return found

    def flags_of_all(self, growth: str | None, criterion: str) -> list[str]:
        """The remarks on all runs of a criterion with a growth, or with any where it is None."""

        def of(runs: Runs) -> int:
            return sum(cell.criterion == criterion and growth in (cell.growth, None) for cell, _ in runs)

        found = ["trained with --no-contract"] if of(self.unproven) else []
        diverged = of(self.diverged)
        return found + ([f"{quantity(diverged, 'run')} diverged"] if diverged else [])

    @cached_property
    def _diverged(self) -> Mapping[Place, list[int]]:
        return _seeds(self.diverged)

    @cached_property
    def _untouched(self) -> Mapping[Place, list[int]]:
        return _seeds(self.untouched)

    @cached_property
    def _unproven(self) -> Mapping[Place, list[int]]:
        return _seeds(self.unproven)


def _seeds(runs: Runs) -> dict[Place, list[int]]:
    """The seeds of these runs, in the setting of each and over all densities."""
    found: dict[Place, list[int]] = {}
    for cell, seed in sorted(runs):
        for density in (cell.density, None):
            seeds = found.setdefault((Setting(cell.growth, density, cell.extra), cell.criterion), [])
            seeds += [] if seed in seeds else [seed]
    return found
