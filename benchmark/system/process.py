"""Which process this is, and whether another one on this machine still runs."""

import os
import secrets
import socket
from functools import cache
from pathlib import Path

HOST = socket.gethostname()


def name() -> str:
    """A name that this process has and no other, anywhere, ever; the temporary files that it writes begin with it."""
    return _name(os.getpid())


@cache
def _name(pid: int) -> str:
    return f"{HOST}-{pid}-{secrets.token_hex(4)}"


def machine() -> str | None:
    """What processes have in common that see each other: the boot of a machine and the set of process numbers in it.

    None where there is no ``/proc``.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


def started(pid: int) -> int | None:
    """When the process with this number started, in clock ticks since the boot; None where there is none that runs.

    A number is given again once its process is gone; number and start are not.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()  # the name before may hold anything
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, start = fields[0], fields[19]
    return None if state in b"ZX" else int(start)  # dead, and only waiting for its parent to hear of it
