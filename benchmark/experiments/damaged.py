"""Results that cannot be read, gathered while others are, so that one error tells of all of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from criteria.errors import InputError


@contextmanager
def told_together() -> "Iterator[Damaged]":
    """Raise one :class:`InputError` at the end for everything that was gathered meanwhile.

    It names the first and says how many others there are.
    """
    damaged = Damaged()
    yield damaged
    if damaged.problems:
        first, *others = damaged.problems
        count = "1 other result cannot" if len(others) == 1 else f"{len(others)} other results cannot"
        raise InputError(f"{first}; {count} be used either" if others else first)


class Damaged:
    """What was wrong with results so far, each problem once."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Note an :class:`InputError` instead of raising it."""
        try:
            yield
        except InputError as error:
            if str(error) not in self.problems:
                self.problems.append(str(error))
