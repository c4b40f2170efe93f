"""Signals that ask a command to end: Ctrl-C, a scheduler's SIGTERM, and SIGHUP of a terminal that was closed.

Each of them raises :class:`Interrupted`, at once or, inside :func:`ending_between_steps`, where the code says that it
is ready to end. A signal that comes again raises at once everywhere.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
FIRST_STATUS = 128
"""Exit statuses above it belong to signals, by a shell's convention."""


class Interrupted(KeyboardInterrupt):
    """The process was asked to end by a signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def status_of(interrupt: KeyboardInterrupt) -> int:
    """The exit status that says by which signal a process was asked to end."""
    return FIRST_STATUS + (interrupt.number if isinstance(interrupt, Interrupted) else signal.SIGINT)


def name_of(interrupt: KeyboardInterrupt) -> str:
    """The signal's name, such as ``SIGTERM``."""
    return signal.Signals(status_of(interrupt) - FIRST_STATUS).name


def is_interruption(error: BaseException) -> bool:
    """Whether somebody asked the process to end, and not a plugin that raises ``KeyboardInterrupt`` of its own accord.

    Where somebody else hears Ctrl-C, such as Python, nobody can tell, and every ``KeyboardInterrupt`` is one.
    """
    if isinstance(error, Interrupted):
        return True
    return isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is not _interrupt


class _Ending:
    """Which signal has come, and whether it may interrupt at once."""

    deferred = False
    asked: int | None = None


_ending = _Ending()


@contextmanager
def interruptible() -> Iterator[None]:
    """Signals that ask this process to end raise :class:`Interrupted` within the block.

    What somebody else handles already, or ignores (as nohup does with SIGHUP), stays as it is.
    """
    before: dict[int, object] = {}
    try:
        for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
            if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = signal.signal(number, _interrupt)
    except ValueError:  # signals reach the main thread only, and this is another one
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


@contextmanager
def handed_on(number: int) -> Iterator[None]:
    """A signal that somebody else handles interrupts the block as one that asks the process to end, and is then theirs.

    So what they raise comes up at the end of the block, and not inside a plugin, which would be blamed for it.
    """
    theirs = signal.signal(number, _interrupt)
    try:
        yield
    except Interrupted as interrupt:
        if interrupt.number == number and callable(theirs):
            theirs(number, None)
        raise
    finally:
        signal.signal(number, theirs)


@contextmanager
def ending_between_steps() -> Iterator[Callable[[], None]]:
    """Put off an interruption within the block until the function that it gives is called, which then raises it.

    At the end of the block it is raised in any case, also in place of an error that ends the block.
    """
    _ending.deferred, _ending.asked = True, None
    try:
        yield _raise_if_asked
    finally:
        _ending.deferred = False
        _raise_if_asked()


def is_asked_to_end() -> bool:
    """Whether an interruption is put off at present."""
    return _ending.deferred and _ending.asked is not None


def _raise_if_asked() -> None:
    if (asked := _ending.asked) is not None:
        _ending.deferred, _ending.asked = False, None
        raise Interrupted(asked)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if _ending.deferred and _ending.asked is None:
        _ending.asked = number
        return
    _ending.deferred = False
    raise Interrupted(number)
