"""Numbers as text in reports."""

import math


def signed(points: float, form: str = ".2f") -> str:
    """Points with their sign, a real minus, and no negative zero; ``?`` for an end of an interval that has none."""
    if not math.isfinite(points):
        return "?"
    return f"{float(f'{points:{form}}') + 0.0:+{form}}".replace("-", "\N{MINUS SIGN}")
