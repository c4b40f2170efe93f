"""Who trains what: processes that share the runs of an experiment in one results folder, on one machine or on many.

Each worker has a file that says who it is and which runs it trains. Files are read and written under one lock, so no
two workers claim a run. A claim ends with its owner: on the same machine when the process is gone, elsewhere when it
has given no sign of life for a while.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from benchmark.system import process
from benchmark.system.files import HALF_WRITTEN, write_atomically
from criteria.errors import InputError

BEAT_SECONDS = 15.0
"""Between two signs of life of a worker."""
EXPIRY_SECONDS = 180.0
"""Without a sign of life after which a worker on another machine counts as dead; network disks show news late."""
LOCK_SECONDS = 60.0
"""The lock is held for moments; who waits longer for it hangs."""


class Claim(BaseModel):
    """A worker's file: who it is, and what it trains at present."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    host: str
    machine: str | None
    pid: int
    started: int | None
    device: str
    since: AwareDatetime = Field(strict=False)
    """When it began with these runs."""
    runs: list[str] = []
    step: int = 0
    total_steps: int = 0


class Entry(BaseModel):
    """A line of the journal."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    time: str
    """ISO 8601, UTC."""
    event: str
    worker: str
    runs: list[str]
    step: int = 0
    """At which claimed runs began or went on."""
    error: str = ""
    """That runs failed with."""


@dataclass(frozen=True)
class Seen:
    """A worker's file as someone else finds it."""

    path: Path
    claim: Claim | None
    """None where the file cannot be read."""
    alive: bool


class ClaimLostError(Exception):
    """Others took this worker for dead, and its runs may be theirs by now."""


class Worker:
    """This process as one of those that work on an experiment, from entering the context to leaving it.

    ``folder`` is the experiment's under the results folder. Raises :class:`InputError` where it cannot be written.
    """

    def __init__(self, folder: Path, device: str) -> None:
        self.folder = folder
        self.name = process.name()
        self.path = workers_folder(folder) / f"{self.name}.json"
        self._claim = Claim(
            host=process.HOST,
            machine=process.machine(),
            pid=os.getpid(),
            started=process.started(os.getpid()),
            device=device,
            since=datetime.now(UTC),
        )
        self._lost = threading.Event()
        self._leaving = threading.Event()
        self._beats = threading.Thread(target=self._beat_until_leaving, daemon=True)

    def __enter__(self) -> "Worker":
        with self.alone():
            write_atomically(self.path, self._claim.model_dump_json())
        self._beats.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self._beats.join()
        self.path.unlink(missing_ok=True)
        with suppress(InputError), self.alone():
            self.others()  # whoever died meanwhile

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Holds the lock of the folder, and so the right to look at claims and change one's own."""
        with alone(self.folder):
            yield

    def others(self) -> list[Claim]:
        """The claims of the others that live; what dead ones left behind is removed. Only when `alone`."""
        return [seen.claim for seen in living(self.folder) if seen.claim and seen.path != self.path]

    def take(self, runs: Sequence[str]) -> None:
        """Claim ``runs`` and nothing else. Only when `alone`, and for runs that nobody else claims."""
        self._lost.clear()
        began = {"runs": list(runs), "since": datetime.now(UTC), "step": 0, "total_steps": 0}
        self._claim = self._claim.model_copy(update=began)
        write_atomically(self.path, self._claim.model_dump_json())

    def at(self, step: int, total_steps: int) -> None:
        """Note how far the training is; raises :class:`ClaimLostError` where others took this worker for dead."""
        self._claim = self._claim.model_copy(update={"step": step, "total_steps": total_steps})
        if self._lost.is_set():
            raise ClaimLostError

    def check(self) -> None:
        """Raise :class:`ClaimLostError` where others took this worker for dead; it is certain when `alone`."""
        if not self.path.exists():
            raise ClaimLostError

    def log(self, event: str, runs: Sequence[str], *, step: int = 0, error: str = "") -> None:
        """Add a line to the folder's journal. Only when `alone`."""
        entry = Entry(time=_now(), event=event, worker=self.name, runs=list(runs), step=step, error=error)
        path = journal_file(self.folder)
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(entry.model_dump_json(exclude_defaults=True) + "\n")
        except OSError as refused:
            raise InputError(f"{path}: cannot be written: {refused.strerror or refused}") from refused

    def _beat_until_leaving(self) -> None:
        while not self._leaving.wait(BEAT_SECONDS):
            try:
                with self.alone():
                    if self.path.exists():
                        write_atomically(self.path, self._claim.model_dump_json())
                    else:
                        self._lost.set()
            except (InputError, OSError):  # a disk may be full or away for a while; whoever needs it now says so
                continue


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the lock of an experiment's folder; raises :class:`InputError` where there is no getting it."""
    path = folder / ".lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=LOCK_SECONDS, fallback_to_soft=False)  # a soft one outlives its owner
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{path}: another process has held this lock for {LOCK_SECONDS:g} seconds; end it, or wait"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be locked: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def living(folder: Path) -> list[Seen]:
    """The workers that live. The files of dead ones, and what they were writing, are removed. Only when `alone`."""
    lock = folder / ".lock"
    try:
        os.utime(lock)
        seen = workers(folder, now=lock.stat().st_mtime)  # the clock of the disk, as in the files' times
        alive = [each for each in seen if each.alive]
        for part in folder.glob(f"*/.*{HALF_WRITTEN}"):
            if not part.name.startswith(tuple(f".{each.path.stem}-" for each in alive)):
                part.unlink(missing_ok=True)
        for each in seen:
            if not each.alive:
                each.path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{error.filename or folder}: cannot be tidied up: {error.strerror or error}") from error
    return alive


def workers_folder(folder: Path) -> Path:
    """Where the workers on an experiment have their files."""
    return folder / "workers"


def journal_file(folder: Path) -> Path:
    """Where workers note which runs they took, stored or failed at, one JSON object per line."""
    return folder / "journal.jsonl"


def workers(folder: Path, now: float) -> list[Seen]:
    """All workers that have a file, dead ones too; ``now`` in seconds since 1970."""
    found = []
    for path in sorted(workers_folder(folder).glob("*.json")):
        try:
            text, age = path.read_bytes(), now - path.stat().st_mtime
        except FileNotFoundError:  # it left this moment
            continue
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
        try:
            claim = Claim.model_validate_json(text)
        except ValidationError:
            found.append(Seen(path, None, age < EXPIRY_SECONDS))
        else:
            found.append(Seen(path, claim, _lives(claim, age)))
    return found


def journal(folder: Path) -> list[Entry]:
    """The entries of the journal, oldest first; lines that are not one are left out."""
    try:
        lines = journal_file(folder).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"{journal_file(folder)}: cannot be read: {error.strerror or error}") from error
    found = []
    for line in lines:
        with suppress(ValidationError):
            found.append(Entry.model_validate_json(line))
    return found


def _lives(claim: Claim, age: float) -> bool:
    if claim.machine is not None and claim.machine == process.machine():
        return process.started(claim.pid) == claim.started
    return age < EXPIRY_SECONDS


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
