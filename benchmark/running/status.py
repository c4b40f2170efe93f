"""How far an experiment is, seen from its results folder: what is done, who trains what, what waits and what failed."""

import time
from collections.abc import Sequence, Set

from pydantic import AwareDatetime, BaseModel

from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import Run
from benchmark.running.computed_by import found_in
from benchmark.running.holds import seen_workers
from benchmark.running.journal import Entry, read_journal
from benchmark.running.leftovers import leftovers
from benchmark.running.missing import distinct


class WorkerStatus(BaseModel):
    """A process that works on the experiment, or did until it died."""

    host: str
    pid: int
    device: str
    alive: bool
    since: AwareDatetime
    """When it took what it trains now."""
    runs: int
    step: int
    """As of its last sign of life."""
    total_steps: int


class Unfinished(BaseModel):
    """A fleet that nobody trains at present and that will go on from a checkpoint."""

    runs: int
    step: int
    total_steps: int


class Failure(BaseModel):
    """Runs that ended in an error when they were trained last."""

    runs: int
    error: str
    time: str


class Status(BaseModel):
    """Counts of runs, and where the unfinished ones are; done + running + waiting = runs."""

    experiment: str
    runs: int
    done: int
    diverged: int
    """Of those done."""
    running: int
    waiting: int
    failed: int
    """Of those waiting."""
    workers: list[WorkerStatus]
    unfinished: list[Unfinished]
    failures: list[Failure]


def status(runs: Sequence[Run], folder: ResultsFolder) -> Status:
    """The status of ``runs`` of the experiment that the folder belongs to; changes nothing on the disk.

    Raises :class:`InputError` for a stored result that is damaged.
    """
    seen = [(each.hold, each.alive) for each in seen_workers(folder.path, now=time.time()) if each.hold]
    alive = [hold for hold, lives in seen if lives]
    held = {run for hold in alive for run in hold.runs}
    abandoned = leftovers(folder.path, alive)
    left = {run for each in abandoned for run in each.runs}
    entries = read_journal(folder.path)
    noted = {run for entry in entries for run in entry.runs}
    runs = distinct(found_in(runs, folder, taken=held | left | noted))
    found = folder.read_all(runs)
    missing = {run.id for run in runs} - {run.id for run, _ in found}
    waiting = missing - held
    failures = _failures(entries, waiting)
    return Status(
        experiment=folder.experiment,
        runs=len(runs),
        done=len(found),
        diverged=sum(result.outcome.diverged for _, result in found),
        running=len(missing & held),
        waiting=len(waiting),
        failed=sum(failure.runs for failure in failures),
        workers=[
            WorkerStatus(**hold.model_dump(exclude={"runs"}), runs=len(hold.runs), alive=lives) for hold, lives in seen
        ],
        unfinished=[
            Unfinished(runs=len(each.runs), step=each.step, total_steps=each.total_steps)
            for each in abandoned
            if not waiting.isdisjoint(each.runs)
        ],
        failures=failures,
    )


def _failures(entries: Sequence[Entry], waiting: Set[str]) -> list[Failure]:
    """The runs whose last entry in the journal is a failure, by that entry."""
    last = {run: number for number, entry in enumerate(entries) for run in entry.runs}
    found = []
    for number, entry in enumerate(entries):
        runs = [run for run in waiting & set(entry.runs) if last[run] == number]
        if entry.event == "failed" and runs:
            found.append(Failure(runs=len(runs), error=entry.error, time=entry.time))
    return found
