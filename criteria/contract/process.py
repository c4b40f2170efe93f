"""The process that a plugin runs in: settings that it must leave alone, and the time that a call may take."""

import contextlib
import math
import random
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np
import torch

SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "torch's global random state": (torch.get_rng_state, torch.set_rng_state),
    "numpy's global random state": (np.random.get_state, np.random.set_state),
    "Python's global random state": (random.getstate, random.setstate),
    "the default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "the grad mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "the number of threads": (torch.get_num_threads, torch.set_num_threads),
    "the deterministic mode": (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
}
"""What belongs to the whole process: how to read it and how to set it."""


class Overtime(BaseException):
    """A call took too long; no ``Exception``, so that neither a plugin nor the search holds it for an ordinary one."""


def settings_now() -> dict[str, Any]:
    """The present value of each of :data:`SETTINGS`."""
    return {what: read() for what, (read, _) in SETTINGS.items()}


def changed(before: dict[str, Any]) -> list[str]:
    """Which of :data:`SETTINGS` differ from ``before``."""
    return [what for what, (read, _) in SETTINGS.items() if not _equal(read(), before[what])]


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Whatever is done to the process inside is undone afterwards, and warnings are not heard."""
    before = settings_now()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            for what in changed(before):
                SETTINGS[what][1](before[what])


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`Overtime` inside when it takes longer.

    An alarm signal does it, so a call is interrupted where it hangs, and nothing runs in a thread or process in which
    grad mode and random states would be others. Signals reach only the main thread: elsewhere there is no limit.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_signal: int, frame: FrameType | None) -> None:
        where = f" ({frame.f_code.co_qualname}, line {frame.f_lineno})" if frame is not None else ""
        raise Overtime(f"did not return within {seconds:g} s{where}")

    started = time.monotonic()
    handler = signal.signal(signal.SIGALRM, expire)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        # the alarm of someone else, such as pytest-timeout's, goes on where it was
        left = max(remaining - (time.monotonic() - started), 1e-3) if remaining else 0.0
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, handler)


def seed_all(seed: int) -> None:
    """Seed every global source of randomness."""
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would ask every other device first
    np.random.seed(seed)
    random.seed(seed)


@contextlib.contextmanager
def another_time() -> Iterator[None]:
    """The clocks of the ``time`` module are hours and a bit ahead."""
    names = ("time", "monotonic", "perf_counter", "process_time")
    real = {name: getattr(time, name) for name in (*names, *(f"{name}_ns" for name in names))}
    ahead = 12_345.678_901
    try:
        for name, clock in real.items():
            shift = math.floor(ahead * 1e9) if name.endswith("_ns") else ahead
            setattr(time, name, lambda clock=clock, shift=shift: clock() + shift)
        yield
    finally:
        for name, clock in real.items():
            setattr(time, name, clock)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, tuple):
        return all(
            np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in zip(left, right, strict=True)
        )
    return bool(left == right)
