"""An end of the program that its plugins cannot bring about."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def refused() -> Iterator[None]:
    """Within the block ``os._exit`` raises ``SystemExit``: a plugin that calls it must not end the program as done.

    A process that is forked within the block ends by it as ever.
    """
    ours, end = os.getpid(), os._exit

    def refuse(status: int) -> None:
        if os.getpid() != ours:
            end(status)
        raise SystemExit(status)

    os._exit = refuse  # type: ignore[assignment]
    try:
        yield
    finally:
        os._exit = end
