"""Checkpoints that nobody trains from at present: which fleet goes on from one, and which are of no use any more.

Looking (:func:`leftovers`, :func:`unfinished`, :func:`useless`) changes nothing; :func:`remove`, :func:`tidy` and
:func:`forget` remove.
"""

from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import Run
from benchmark.running.checkpoint import DamagedCheckpointError, checkpoint_file, checkpoints_folder, read_checkpoint
from benchmark.running.holds import Hold, living_others, remove_dead, workers_folder
from benchmark.running.workers import Worker, alone, disk_time
from criteria.errors import InputError


@dataclass(frozen=True)
class Leftover:
    """A checkpoint that no living worker trains from."""

    path: Path
    runs: list[str]
    """Ids of its fleet's runs; none where it cannot be read."""
    step: int = 0
    total_steps: int = 0
    problem: str = ""
    """Why it cannot be read, if it cannot."""
    damaged: bool = False
    """Whether it can never be read."""


def leftovers(folder: Path, others: Sequence[Hold]) -> list[Leftover]:
    """The checkpoints in the folder of an experiment, apart from those that ``others`` train from or will replace.

    The ``others`` are all living workers but this one. Their checkpoints may go at any moment, so they are not read.
    """
    in_use = {checkpoint_file(folder, hold.runs) for hold in others}
    held = {run for hold in others for run in hold.runs}
    found = [_read(path) for path in sorted(set(checkpoints_folder(folder).glob("*.pt")) - in_use)]
    return [each for each in found if held.isdisjoint(each.runs)]


def unfinished(found: Iterable[Leftover], free: Set[str]) -> Leftover | None:
    """The first leftover whose fleet lacks results that are ``free`` to train; None where there is no such one."""
    return next((each for each in found if not free.isdisjoint(each.runs)), None)


def useless(found: Iterable[Leftover], asked: Set[str], free: Set[str], most: int | None) -> list[tuple[Leftover, str]]:
    """The leftovers that nobody will go on from, with the reason, which is empty where all of their runs have results.

    ``asked`` are the ids of all runs that we are asked for, ``free`` those that lack a result and that nobody trains. A
    fleet with runs that we are not asked for is someone else's. Fleets of more than ``most`` networks begin anew.
    """
    gone = []
    for each in found:
        if each.damaged:
            gone.append((each, f"{each.problem}; removed, its runs begin anew"))
        elif each.problem or not asked >= set(each.runs):
            continue
        elif free.isdisjoint(each.runs):
            gone.append((each, ""))
        elif most is not None and len(each.runs) > most:
            size = f"a fleet of {len(each.runs)} is larger than --fleet {most}"
            gone.append((each, f"{each.path}: removed, {size}; its runs begin anew"))
    return gone


def remove(gone: Iterable[Leftover]) -> None:
    """Remove checkpoints. Only while the folder is locked."""
    for each in gone:
        each.path.unlink(missing_ok=True)


def tidy(runs: Iterable[Run], folder: ResultsFolder) -> None:
    """Remove what dead workers left behind where all ``runs`` have a result, as far as the folder can be written."""
    where = folder.path
    if not any(workers_folder(where).glob("*")) and not any(checkpoints_folder(where).glob("*")):
        return
    with suppress(InputError), alone(where):
        now = disk_time(where)
        remove_dead(where, now)
        found = leftovers(where, living_others(where, None, now))
        remove(each for each, _ in useless(found, {run.id for run in runs}, frozenset(), most=None))


def forget(runs: Iterable[Run], worker: Worker) -> None:
    """Remove the checkpoints that hold any of ``runs`` and that nobody trains from."""
    ids = {run.id for run in runs}
    with worker.alone():
        worker.remove_dead()
        found = leftovers(worker.folder, worker.others())
        remove(each for each in found if each.damaged or not ids.isdisjoint(each.runs))


def _read(path: Path) -> Leftover:
    try:
        saved = read_checkpoint(path, whole=False)
    except InputError as error:
        return Leftover(path, [], problem=str(error), damaged=isinstance(error, DamagedCheckpointError))
    return Leftover(path, saved.runs, saved.step, saved.total_steps)
