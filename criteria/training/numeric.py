"""Which settings are numbers, NumPy's among them."""

from numbers import Integral, Real
from typing import Any, TypeGuard


def is_number(value: Any) -> TypeGuard[float]:
    """Whether it is a real number, and no answer of yes or no."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether it is a whole number, and no answer of yes or no."""
    return isinstance(value, Integral) and not isinstance(value, bool)
