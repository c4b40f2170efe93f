"""Counterexamples run alone: whether code that is to be pasted fails where nothing was asked before."""

import contextlib
import multiprocessing
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.connection import Connection
from typing import Literal

import torch

from criteria.contract.asking import Broken, Inapplicable

Alone = Literal["", "fails", "fails at times", "passes"]
"""What a counterexample does when it is run alone; empty where that is not known."""

TRIES = 5
"""How often one is run that does not fail at once: a plugin that draws may need several."""

SECONDS = 60
"""That one may take; what takes longer is not known to fail or to pass."""

_FAILED, _PASSED = 3, 0


def running_alone() -> AbstractContextManager[Callable[[str], Alone]]:
    """A function that runs code as in a process of its own, and says whether it breaks a promise there.

    To be entered before the first plugin is loaded: every run is in a fork of the process as it is now, in which a
    plugin is imported and made anew. Nothing is known where processes cannot be forked.
    """
    if "fork" not in multiprocessing.get_all_start_methods():
        return nullcontext(lambda _: "")
    return _forked()


@contextlib.contextmanager
def _forked() -> Iterator[Callable[[str], Alone]]:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    set_aside = context.Process(target=_serve, args=(here, there), daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads, which the fork does without
        set_aside.start()
    there.close()

    def run(code: str) -> Alone:
        try:
            here.send(code)
            found: Alone = here.recv()
        except (OSError, EOFError):
            return ""
        return found

    try:
        yield run
    finally:
        here.close()
        set_aside.kill()  # after Ctrl-C it may be waiting for one that goes on
        set_aside.join()


def _serve(here: Connection, there: Connection) -> None:
    """Run what is asked, until nobody asks any more."""
    here.close()  # the parent's end, which is open here too
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent then asks no more
    with contextlib.suppress(EOFError, OSError):
        while True:
            there.send(_judged(there.recv()))


def _judged(code: str) -> Alone:
    for tried in range(TRIES):
        status = _status(code)
        if status == _FAILED:
            return "fails at times" if tried else "fails"
        if status != _PASSED:
            return ""
    return "passes"


def _status(code: str) -> int:
    """The exit status of a fork that runs the code, negative where a signal ended it."""
    child = os.fork()
    if child == 0:
        _run_and_exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run_and_exit(code: str) -> None:
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.alarm(SECONDS)
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(silence, stream)  # a plugin may print
        torch.set_num_threads(1)  # threads that the parent has started are not there after a fork
        with contextlib.suppress(Inapplicable):  # it says nothing there
            exec(compile(code, "<counterexample>", "exec"), {"__name__": "__main__"})
        status = _PASSED
    except Broken:
        status = _FAILED
    finally:
        os._exit(status)
