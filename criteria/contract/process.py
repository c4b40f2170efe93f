"""The time that a call to a plugin may take."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

PATIENCE = 3.0
"""How many times as long as its limit a call may take that does not compute."""

AGAIN = 1.0
"""Seconds after which the alarm rings again: Python swallows what is raised while an object is deleted."""


class Overtime(BaseException):
    """A call took too long; no ``Exception``, so that neither a plugin nor the search holds it for an ordinary one."""


def again_if_late(ask: Callable[..., None], *arguments: Any) -> None:
    """Do it a second time where it took too long the first time, for the whole machine may have stood still.

    Memory that runs out, a laptop that sleeps, and a virtual machine that is moved all look like a plugin that hangs.
    """
    try:
        ask(*arguments)
    except Overtime:
        ask(*arguments)


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`Overtime` inside when it takes longer, by the clock of a machine that has nothing else to do.

    Where other processes take the processor, it may take up to :data:`PATIENCE` times as long.

    An alarm signal does it, so a call is interrupted where it hangs, and nothing runs in a thread or process in which
    grad mode and random states would be others. Signals reach only the main thread: elsewhere there is no limit.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_signal: int, frame: FrameType | None) -> None:
        computed, passed = time.process_time() - computing_since, time.monotonic() - started
        if computed < seconds and passed < PATIENCE * seconds:
            signal.setitimer(signal.ITIMER_REAL, max(seconds - computed, 1e-2))
            return
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
        where = f" ({frame.f_code.co_qualname}, line {frame.f_lineno})" if frame is not None else ""
        raise Overtime(f"did not return within {seconds:g} s{where}")

    started, computing_since = time.monotonic(), time.process_time()
    handler = signal.signal(signal.SIGALRM, expire)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        # the alarm of someone else, such as pytest-timeout's, goes on where it was
        left = max(remaining - (time.monotonic() - started), 1e-3) if remaining else 0.0
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, handler)
