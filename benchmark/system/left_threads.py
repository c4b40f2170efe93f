"""The end of a process, for which threads that a plugin has left behind are not waited for.

Python waits for every thread that is no daemon before it ends, so that one that never ends would keep a command that
is done alive for ever.
"""

import os
import sys
import threading
import time
from collections.abc import Collection
from contextlib import suppress

GRACE_SECONDS = 1.0
"""For threads that end when Python tells them to, as those of a pool that has nothing to do."""
SHOWN = 5
"""Names of threads in the line; a plugin may leave one at every step."""


def ended(status: int, before: Collection[threading.Thread] = ()) -> int:
    """The ``status`` that the process is to end with, which it does soon after this was called as its last deed.

    Threads that are left then are named on standard error. Those that were there ``before`` belong to somebody else.
    """
    if _left(before):
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        # a daemon, which lives while Python waits for the others, and for which it does not wait
        threading.Thread(target=_end, args=(status, before), daemon=True).start()
    return status


def _left(before: Collection[threading.Thread]) -> list[str]:
    """The names of the threads that Python would wait for."""
    ours = {threading.main_thread(), *before}
    return [thread.name for thread in threading.enumerate() if not thread.daemon and thread not in ours]


def _end(status: int, before: Collection[threading.Thread]) -> None:
    time.sleep(GRACE_SECONDS)
    if not (names := _left(before)):
        return
    threads = "a thread that is" if len(names) == 1 else f"{len(names)} threads that are"
    shown = ", ".join(map(repr, names[:SHOWN])) + (", …" if len(names) > SHOWN else "")
    line = f"dst-bench: ends without waiting for {threads} left behind: {shown}\n"
    with suppress(OSError, ValueError):
        sys.stderr.write(line)
        sys.stderr.flush()
    os._exit(status)  # our own processes end with their standard input, which is closed by this
