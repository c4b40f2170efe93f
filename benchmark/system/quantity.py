"""A number with its noun."""


def quantity(number: float, noun: str) -> str:
    """The number and its noun, such as ``1 run``, ``3 runs`` or ``0.3 points``; without decimals that say nothing."""
    shown = f"{number:g}" if isinstance(number, float) else str(number)
    return f"{shown} {noun}" if number == 1 else f"{shown} {noun}s"
