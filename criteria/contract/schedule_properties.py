"""What a schedule of density promises, as functions of a schedule, a final density and a share of the training."""

import copy
import math
from collections.abc import Callable
from typing import Any

from criteria.contract.asking import Broken
from criteria.errors import said
from criteria.schedule import DensitySchedule


def density_in_range(schedule: DensitySchedule, final: float, done: float) -> None:
    """The density is a number above 0 and at most 1 at every time, for every final density."""
    found = _asked(schedule, final, done)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found <= 1:
        raise Broken(f"density({final}, {done}) is {found!r}")


def ends_at_density(schedule: DensitySchedule, final: float, done: float) -> None:  # noqa: ARG001
    """When the training is done the density is the final one, to the last bit."""
    if (found := _asked(schedule, final, 1.0)) != final:
        raise Broken(f"density({final}, 1.0) is {found!r}")


def density_of_the_time_alone(schedule: DensitySchedule, final: float, done: float) -> None:
    """The density follows from the final one and from the time, whatever was asked before."""
    fresh = copy.deepcopy(schedule)
    first = _asked(schedule, final, done)
    for other in (0.0, 0.5, 1.0):
        _asked(schedule, 0.5, other)
    again, alone = _asked(schedule, final, done), _asked(fresh, final, done)
    if not first == again == alone:
        raise Broken(f"density({final}, {done}) is {first!r}, later {again!r}, and {alone!r} of a copy")


def _asked(schedule: DensitySchedule, final: float, done: float) -> Any:
    try:
        found = schedule.density(final, done)
    except Exception as error:  # a plugin may fail in any way
        raise Broken(f"density({final}, {done}) raised {type(error).__name__}: {said(error)}") from error
    return float("nan") if isinstance(found, float) and math.isnan(found) else found


SCHEDULE_PROPERTIES: tuple[Callable[[DensitySchedule, float, float], None], ...] = (
    density_in_range,
    ends_at_density,
    density_of_the_time_alone,
)
SCHEDULE_PROMISES = {each.__name__: (each.__doc__ or each.__name__).splitlines()[0] for each in SCHEDULE_PROPERTIES}
"""What each promises, by name."""
