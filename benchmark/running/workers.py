"""Workers: processes that share the runs of an experiment in one results folder, on one machine or on many.

Each worker has a file that says who it is and which runs it trains (`benchmark.running.holds`). Files are read and
written under one lock, so no two workers hold a run.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from benchmark.running.holds import Hold, living_others, remove_dead, workers_folder
from benchmark.running.journal import add_entry
from benchmark.system import process
from benchmark.system.files import write_atomically
from criteria.errors import InputError

BEAT_SECONDS = 15.0
"""Between two signs of life of a worker."""
LOCK_SECONDS = 60.0
"""The lock is held for moments; a process that waits for it for longer waits for one that hangs."""


class HoldLostError(Exception):
    """Others took this worker for dead, and its runs may be theirs by now."""


class Worker:
    """This process as one of those that work on an experiment, from entering the context to leaving it.

    ``folder`` is the experiment's under the results folder. Raises :class:`InputError` where it cannot be written.
    """

    def __init__(self, folder: Path, device: str) -> None:
        self.folder = folder
        self.name = process.name()
        self.path = workers_folder(folder) / f"{self.name}.json"
        self._hold = Hold(
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
            write_atomically(self.path, self._hold.model_dump_json())
        self._beats.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self._beats.join()
        self.path.unlink(missing_ok=True)
        with suppress(InputError), self.alone():
            self.remove_dead()  # those that died meanwhile, with whom nobody else may be left to deal

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Has the lock of the folder, and so the right to look at holds and change one's own."""
        with alone(self.folder):
            yield

    def others(self) -> list[Hold]:
        """The holds of the others that live. It is certain only when `alone`."""
        return living_others(self.folder, self.path, disk_time(self.folder))

    def remove_dead(self) -> None:
        """Remove what dead workers left behind. Only when `alone`."""
        remove_dead(self.folder, disk_time(self.folder))

    def take(self, runs: Sequence[str]) -> None:
        """Hold ``runs`` and nothing else. Only when `alone`, and for runs that nobody else holds."""
        self._lost.clear()
        began = {"runs": list(runs), "since": datetime.now(UTC), "step": 0, "total_steps": 0}
        self._hold = self._hold.model_copy(update=began)
        write_atomically(self.path, self._hold.model_dump_json())

    def release(self) -> None:
        """Hold nothing any more. Only when `alone`."""
        self.take([])

    def at(self, step: int, total_steps: int) -> None:
        """Note how far the training is; raises :class:`HoldLostError` where others took this worker for dead."""
        self._hold = self._hold.model_copy(update={"step": step, "total_steps": total_steps})
        if self._lost.is_set():
            raise HoldLostError

    def require_hold(self) -> None:
        """Raise :class:`HoldLostError` where others took this worker for dead; it is certain when `alone`."""
        if not self.path.exists():
            raise HoldLostError

    def log(self, event: str, runs: Sequence[str], *, step: int = 0, error: str = "") -> None:
        """Add a line to the folder's journal. Only when `alone`."""
        add_entry(self.folder, event, self.name, runs, step=step, error=error)

    def _beat_until_leaving(self) -> None:
        while not self._leaving.wait(BEAT_SECONDS):
            try:
                with self.alone():
                    if self.path.exists():
                        write_atomically(self.path, self._hold.model_dump_json())
                    else:
                        self._lost.set()
            except (InputError, OSError):  # a disk may be full or away for a while; whoever needs it now says so
                continue


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Has the lock of an experiment's folder; raises :class:`InputError` where the lock cannot be had."""
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


def disk_time(folder: Path) -> float:
    """The time on the clock of the folder's disk, by which files are dated, in seconds since 1970.

    It is read by touching the lock's file, so only when `alone`. Raises :class:`InputError` where it cannot be touched.
    """
    path = folder / ".lock"
    try:
        os.utime(path)
        return path.stat().st_mtime
    except OSError as error:
        raise InputError(f"{path}: cannot be touched: {error.strerror or error}") from error
