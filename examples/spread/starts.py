"""What a training starts from, each draw with a seed of its own, and which trainings answer the questions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

RULES = ("static", "magnitude")
DRAWS = {"static": ("mask", "weights", "batches"), "magnitude": ("mask", "weights", "batches", "growth")}
"""The draws that each rule makes."""
FLEET = 4
"""Networks that train together."""
ANOTHER = 1000
"""Added to the seed of a draw that is made anew."""


@dataclass(frozen=True)
class Start:
    """The seed of each draw of a training."""

    mask: int
    weights: int
    batches: int
    growth: int

    @classmethod
    def of(cls, seed: int) -> "Start":
        """All draws of one seed, as in a run of an experiment."""
        return cls(seed, seed, seed, seed)

    def anew(self, draw: str) -> "Start":
        """The same with one draw made anew."""
        return replace(self, **{draw: getattr(self, draw) + ANOTHER})


@dataclass(frozen=True)
class Task:
    """One training: ``static``, or ``magnitude`` with random growth."""

    rule: str
    draw: str
    """How the initial mask is drawn: ``exact`` numbers of active weights, or ``coin flips``."""
    start: Start

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> "Task":
        """A task from its plain data."""
        return cls(plain["rule"], plain["draw"], Start(**plain["start"]))


def tasks(seeds: int, pairs: int) -> list[Task]:
    """The trainings of both questions: every seed with both draws, and of ``pairs`` seeds each draw made anew.

    All rules and draws come with a few seeds first, so that what is there when one stops early can be looked at.
    """
    found = [
        Task(rule, draw, Start.of(seed))
        for rule in RULES
        for draw in ("exact", "coin flips")
        for seed in range(1, seeds + 1)
    ]
    return found + [
        Task(rule, "exact", Start.of(seed).anew(draw))
        for first in range(1, pairs + 1, FLEET)
        for rule in RULES
        for draw in DRAWS[rule]
        for seed in range(first, min(first + FLEET, pairs + 1))
    ]
