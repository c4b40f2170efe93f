"""Numbers as text in reports."""

import math

from matplotlib.ticker import EngFormatter

SHORT = EngFormatter(places=1, sep=" ")
"""A large number with a prefix: k, M, G, T, P, E."""


def signed(points: float, form: str = ".2f") -> str:
    """Points with their sign, a real minus, and no negative zero; ``?`` for an end of an interval that has none."""
    if not math.isfinite(points):
        return "?"
    return f"{float(f'{points:{form}}') + 0.0:+{form}}".replace("-", "\N{MINUS SIGN}")
