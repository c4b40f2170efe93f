"""How far an experiment is, seen from its results folder: what is done, who trains what, what waits and what failed."""

import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import AwareDatetime, BaseModel

from benchmark.experiments.results import experiment_folder, stored_results
from benchmark.experiments.runs import Run
from benchmark.running.checkpoint import checkpoints_folder, read_checkpoint
from benchmark.running.workers import journal, workers
from criteria.errors import InputError


class WorkerStatus(BaseModel):
    """A process that works on the experiment, or did until it died."""

    host: str
    pid: int
    device: str
    alive: bool
    since: AwareDatetime
    """When it claimed what it trains now."""
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


def status(name: str, runs: Sequence[Run], results: Path) -> Status:
    """The status of ``runs``, all of the experiment ``name``; changes nothing on the disk.

    Raises :class:`InputError` for a stored result that is damaged.
    """
    folder = experiment_folder(results, name)
    found = stored_results(runs, results)
    missing = {run.id for run in runs} - {run.id for run, _ in found}
    seen = [(each.claim, each.alive) for each in workers(folder, now=time.time()) if each.claim]
    held = {run for claim, alive in seen if alive for run in claim.runs}
    waiting = missing - held
    failures = _failures(folder, waiting)
    return Status(
        experiment=name,
        runs=len(runs),
        done=len(found),
        diverged=sum(result.outcome.diverged for _, result in found),
        running=len(missing & held),
        waiting=len(waiting),
        failed=sum(failure.runs for failure in failures),
        workers=[
            WorkerStatus(**claim.model_dump(exclude={"runs"}), runs=len(claim.runs), alive=alive)
            for claim, alive in seen
        ],
        unfinished=_unfinished(folder, waiting),
        failures=failures,
    )


def _unfinished(folder: Path, waiting: set[str]) -> list[Unfinished]:
    found = []
    for path in sorted(checkpoints_folder(folder).glob("*.pt")):
        try:
            saved = read_checkpoint(path, whole=False)
        except InputError:  # it went this moment, or it is damaged: the next run says so and removes it
            continue
        if waiting.intersection(saved.runs):
            found.append(Unfinished(runs=len(saved.runs), step=saved.step, total_steps=saved.total_steps))
    return found


def _failures(folder: Path, waiting: set[str]) -> list[Failure]:
    """The runs whose last entry in the journal is a failure, by that entry."""
    entries = journal(folder)
    last = {run: number for number, entry in enumerate(entries) for run in entry.runs}
    found = []
    for number, entry in enumerate(entries):
        runs = [run for run in waiting.intersection(entry.runs) if last[run] == number]
        if entry.event == "failed" and runs:
            found.append(Failure(runs=len(runs), error=entry.error, time=entry.time))
    return found
