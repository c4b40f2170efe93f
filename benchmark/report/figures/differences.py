"""The axis of differences in points, around a line at zero."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from benchmark.report.figures.look import legible
from benchmark.report.numbers import signed

WIDE = 5.0
"""Points beyond which the axis is logarithmic on both sides of one point, so that small differences stay visible."""
TICKS = (0, 1, 10, 0.5, 3, 5, 30, 100)
"""Sizes that such an axis may label, the most wanted first."""


def is_wide(ends: Sequence[float]) -> bool:
    """Whether the axis of these differences and ends of intervals is logarithmic."""
    return any(abs(end) > WIDE for end in ends if math.isfinite(end))


def difference_axis(ax: Axes, ends: Sequence[float]) -> None:
    """Set the horizontal axis so that all differences and ends of intervals, in points, are on it."""
    if not is_wide(ends):
        ax.set_xlim(min([-0.5, *ends]) - 0.1, max([0.5, *ends]) + 0.1)
        return
    low, high = min([-1.0, *ends]) * 1.25, max([1.0, *ends]) * 1.25
    ax.set_xscale("symlog", linthresh=1.0, linscale=0.8)
    ax.set_xlim(low, high)
    place = ax.transAxes.inverted().transform
    wanted = [sign * size for size in TICKS for sign in ((1, -1) if size else (1,)) if low <= sign * size <= high]
    at = {float(place(ax.transData.transform((tick, 0)))[0]): tick for tick in wanted}
    ax.xaxis.set_major_locator(FixedLocator(sorted(at[position] for position in legible(at, 0.09))))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(lambda points, _: signed(points, "g") if points else "0")
