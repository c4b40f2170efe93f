"""Holds: what each worker says of itself in a file, and whether the worker still lives.

Looking changes nothing; :func:`remove_dead` removes. A hold ends with its owner: on the same machine when the process
is gone, elsewhere and where the process cannot be seen when it has given no sign of life for a while.
"""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from benchmark.system import process
from benchmark.system.files import HALF_WRITTEN, read_bytes
from criteria.errors import InputError

EXPIRY_SECONDS = 180.0
"""Without a sign of life after which a worker that cannot be seen counts as dead; network disks show news late."""
MOST_BYTES = 2**22
"""Of a worker's file: the ids of a hundred thousand runs take less."""


class Hold(BaseModel):
    """A worker's file: who it is, and what it trains at present."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    host: str
    machine: str | None
    pid: int
    started: float | None
    """In seconds since the boot; None where the worker could not see itself."""
    device: str
    since: AwareDatetime = Field(strict=False)
    """When it began with these runs."""
    runs: list[str] = []
    step: int = 0
    total_steps: int = 0


@dataclass(frozen=True)
class Seen:
    """A worker's file as someone else finds it."""

    path: Path
    hold: Hold | None
    """None where the file cannot be read."""
    alive: bool


def workers_folder(folder: Path) -> Path:
    """Where the workers on the experiment in ``folder`` have their files."""
    return folder / "workers"


def seen_workers(folder: Path, now: float) -> list[Seen]:
    """All workers that have a file, dead ones too; ``now`` in seconds since 1970. Changes nothing."""
    return [seen for path in sorted(workers_folder(folder).glob("*.json")) if (seen := _look(path, now)) is not None]


def living_others(folder: Path, own: Path | None, now: float) -> list[Hold]:
    """The holds of living workers, apart from the one in the file ``own``. Changes nothing."""
    return [seen.hold for seen in seen_workers(folder, now) if seen.alive and seen.hold and seen.path != own]


def remove_dead(folder: Path, now: float) -> None:
    """Remove the files of dead workers, and what they were writing. Only while the folder is locked.

    Raises :class:`InputError` where something cannot be removed.
    """
    try:
        seen = seen_workers(folder, now)
        alive, dead = (tuple(f".{each.path.stem}-" for each in seen if each.alive is lives) for lives in (True, False))
        for part in folder.glob(f"*/.*{HALF_WRITTEN}"):
            # who is no worker writes too, such as a command that unpacks an archive
            if part.name.startswith(dead) or not (part.name.startswith(alive) or _is_written(part, now)):
                part.unlink(missing_ok=True)
        for each in seen:
            if not each.alive:
                each.path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{error.filename or folder}: cannot be tidied up: {error.strerror or error}") from error


def _is_written(part: Path, now: float) -> bool:
    """Whether somebody may still be writing a file."""
    try:
        return _is_fresh(now - part.lstat().st_mtime)
    except FileNotFoundError:
        return False


def _look(path: Path, now: float) -> Seen | None:
    """A worker's file; None where it went this moment."""
    try:
        age = now - path.stat().st_mtime
        hold = Hold.model_validate_json(read_bytes(path, MOST_BYTES))
    except FileNotFoundError:
        return None
    except ValidationError:
        return Seen(path, None, _is_fresh(age))
    except InputError:
        if not os.path.lexists(path):
            return None
        if not path.is_file():  # a pipe or a device, which no worker leaves and which nobody may open
            return Seen(path, None, _is_fresh(age))
        raise
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link that leads to itself, which no worker leaves
            return Seen(path, None, alive=False)
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    return Seen(path, hold, _lives(hold, age))


def _is_fresh(age: float) -> bool:
    """Whether a file of this age is a sign of life; one from the future is of a clock that was wrong."""
    return abs(age) < EXPIRY_SECONDS


def _lives(hold: Hold, age: float) -> bool:
    """Whether a worker lives: seen where it can be seen, and believed by its signs of life where it cannot."""
    if hold.machine is not None and hold.machine == process.machine() and hold.started is not None:
        sight = process.look_for(hold.pid, hold.started)
        if sight is not process.Sight.HIDDEN:
            return sight is process.Sight.RUNS
    return _is_fresh(age)
