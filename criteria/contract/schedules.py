"""Checking a schedule of density: its promises are tried on final densities and times of every kind."""

import itertools
from collections.abc import Callable, Iterator

from criteria.contract.asking import Broken
from criteria.contract.results import ContractError, Result
from criteria.contract.schedule_properties import SCHEDULE_PROPERTIES
from criteria.plugins import load
from criteria.schedule import DensitySchedule

FINALS = (1e-6, 0.005, 0.02, 1 / 3, 0.5, 0.9, 1.0)
TIMES = (0.0, 1e-9, *(number / 40 for number in range(1, 40)), 1 - 1e-9, 1.0)


def check_schedule(schedule: DensitySchedule | str) -> None:
    """Return quietly if the schedule keeps its promises, else raise :class:`ContractError`."""
    made: DensitySchedule = load(schedule, "schedule") if isinstance(schedule, str) else schedule
    for result in _results(made):
        if result.outcome == "broken":
            raise ContractError(repr(made), result)


def schedule_report(schedule: DensitySchedule) -> list[Result]:
    """What came of every promise, without raising."""
    return list(_results(schedule))


def _results(schedule: DensitySchedule) -> Iterator[Result]:
    for judge in SCHEDULE_PROPERTIES:
        for final, done in itertools.product(FINALS, TIMES):
            try:
                judge(schedule, final, done)
            except Broken as broken:
                yield Result(judge.__name__, "broken", str(broken), _code(judge, schedule, final, done))
                break
        else:
            yield Result(judge.__name__, "kept")


def _code(judge: Callable[..., None], schedule: DensitySchedule, final: float, done: float) -> str:
    """Python that fails as the search did."""
    kind = type(schedule)
    imports = [f"from {kind.__module__} import {kind.__qualname__}", f"from {judge.__module__} import {judge.__name__}"]
    return "\n".join((*sorted(imports), "", f"{judge.__name__}({schedule!r}, {final}, {done})"))
