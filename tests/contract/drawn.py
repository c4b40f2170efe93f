"""The part of the contract that differs from seed to seed: cases that are drawn.

Special cases, long trainings and questions in other processes are the same at every seed, and take most of the time at
100 examples. So a campaign asks a right plugin about them at the first seed only.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from unittest import mock

from criteria.contract import checks, searching, special
from criteria.contract.properties import SELECTION, Property

FIRST_SEED = 0


@contextlib.contextmanager
def as_at_seed(seed: int) -> Iterator[None]:
    """All of the contract at the first seed, and what is drawn at the others."""
    if seed == FIRST_SEED:
        yield
        return
    with mock.patch.object(checks, "SELECTION", DRAWN), mock.patch.object(searching, "long_trainings", _none):
        yield


def _none(_observing: bool) -> list[object]:
    return []


def _drawn(asked: Property) -> Property:
    judges = [replace(each, besides=special.none, at_once=special.none) for each in asked.judges if each.cases]
    return replace(asked, judges=tuple(judges), called=asked.name)


DRAWN = tuple(_drawn(each) for each in SELECTION if any(judge.cases for judge in each.judges))
"""The properties of selections that are judged on drawn cases, and their judges without special ones."""
