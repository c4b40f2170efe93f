"""The journal of an experiment: which runs its workers took, stored or failed at, one JSON object per line."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.system.files import append, read_bytes
from criteria.errors import InputError

MOST_BYTES = 2**28
"""Of a journal: a hundred thousand fleets leave less."""
TAKEN = "claimed"
"""The event of runs that a worker took hold of, by the word that journals have for it."""


class Entry(BaseModel):
    """A line of the journal."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    time: str
    """ISO 8601, UTC."""
    event: str
    """:data:`TAKEN`, ``stored`` or ``failed``."""
    worker: str
    runs: list[str]
    step: int = 0
    """At which runs that were taken began or went on."""
    error: str = ""
    """That runs failed with."""


def journal_file(folder: Path) -> Path:
    """Where the journal of the experiment in ``folder`` is."""
    return folder / "journal.jsonl"


def read_journal(folder: Path) -> list[Entry]:
    """The entries, oldest first; lines that are not one are left out.

    Raises :class:`InputError` for a journal that cannot be read.
    """
    path = journal_file(folder)
    if not path.exists():
        return []
    found = []
    for line in read_bytes(path, MOST_BYTES).decode(errors="replace").splitlines():
        with suppress(ValidationError):
            found.append(Entry.model_validate_json(line))
    return found


def add_entry(folder: Path, event: str, worker: str, runs: Sequence[str], *, step: int = 0, error: str = "") -> None:
    """Add a line; only while the folder is locked. Raises :class:`InputError` where it cannot be written."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    entry = Entry(time=now, event=event, worker=worker, runs=list(runs), step=step, error=error)
    path = journal_file(folder)
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: cannot be written: it is not a regular file; remove it")
    append(path, f"{entry.model_dump_json(exclude_defaults=True)}\n")
