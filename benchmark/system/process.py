"""Which process this is, and whether another one on this machine still runs."""

import os
import secrets
import socket
from enum import Enum, auto
from functools import cache
from pathlib import Path

import psutil

HOST = socket.gethostname()
SAME_START = 2.0
"""Seconds by which two readings of one process's start may differ, because the clock of the system was set between."""


class Sight(Enum):
    """What can be seen of a process."""

    RUNS = auto()
    GONE = auto()
    """No process has the number, or another one has it now."""
    HIDDEN = auto()
    """A process has the number, but this user may not see which one it is."""


def name() -> str:
    """A name that this process has and no other ever had on any machine; its temporary files begin with it."""
    return _name(os.getpid())


@cache
def _name(pid: int) -> str:
    return f"{HOST}-{pid}-{secrets.token_hex(4)}"


def machine() -> str | None:
    """What processes have in common that can look for each other by number: a boot, and a set of process numbers.

    None where there is no ``/proc``, or where ``/proc`` shows the numbers of another set than the one we are in, as it
    does in some containers: then a number that we look for could be anyone's.
    """
    try:
        if os.readlink("/proc/self") != str(os.getpid()):
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


def started(pid: int) -> float | None:
    """When the process with this number started, in seconds since the boot; None where no running one can be seen.

    A number is given again once its process is gone; the pair of number and start is not.
    """
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):  # it only waits for its parent to hear of it
            return None
        return float(process.create_time() - psutil.boot_time())
    except (psutil.Error, OSError, ValueError):
        return None


def look_for(pid: int, start: float) -> Sight:
    """Whether the process that has this number and started then still runs; the number must be of our own machine."""
    found = started(pid)
    if found is not None:
        return Sight.RUNS if abs(found - start) <= SAME_START else Sight.GONE
    return Sight.HIDDEN if _exists(pid) and not _is_seen(pid) else Sight.GONE


def _exists(pid: int) -> bool:
    """Whether a process has the number, also one of another user whom the system hides from us.

    The system tells so where it refuses to let us signal it. (`psutil.pid_exists` takes hidden ones for gone.)
    """
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _is_seen(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").exists()
