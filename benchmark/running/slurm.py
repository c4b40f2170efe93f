"""Training on a Slurm cluster: an array of tasks, each of which trains in the same results folder."""

import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.experiments.part import Part
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import Run, expand
from benchmark.running.checkpoint import checkpoints_folder
from benchmark.running.computed_by import found_in
from benchmark.running.missing import distinct, take_stock, train_missing
from benchmark.running.options import Options
from benchmark.system import interruption
from benchmark.system.arithmetic import settle_arithmetic
from benchmark.system.files import require_room, require_writable
from benchmark.system.quantity import quantity
from benchmark.system.yamlfile import parse_yaml
from criteria.errors import InputError, PluginError, one_line

if TYPE_CHECKING:
    from submitit import Job, SlurmExecutor
    from submitit.helpers import DelayedSubmission

POLL_SECONDS = 5.0
"""Between two looks at the queue."""
UNANSWERED = 60
"""Times that a controller which does not answer is asked before we stop waiting."""
FRUITLESS = 3
"""Times that tasks which ended too soon are sent again without a new result or checkpoint between them."""
MANY = 10_000
"""Times that Slurm may requeue a task which its time limit ends."""


@dataclass(frozen=True)
class ArrayTask:
    """What a task does: it trains what is missing. It is sent to the task, and again when Slurm takes its machine."""

    experiment: str
    """The experiment's name, or the path of its file."""
    part: Part
    results: Path
    options: Options

    def __call__(self) -> None:
        """Train what is missing; raises an error where that fails.

        By the error submitit notes that the task came to an end of its own, and was not killed. Slurm's warning is
        heard between two steps, after a checkpoint, and then left to submitit, which ends the task.
        """
        from submitit.slurm.slurm import SlurmJobEnvironment

        settle_arithmetic()
        try:
            with interruption.handed_on(getattr(signal, f"SIG{SlurmJobEnvironment.USR_SIG}")):
                experiment = self.part.select(self.experiment)
                train_missing(experiment, ResultsFolder(self.results, experiment.name), self.options)
        except (InputError, PluginError, AssertionError) as error:
            print(f"dst-bench: {error}", file=sys.stderr)
            raise RuntimeError("the training ended with an error, which is said above") from None

    def checkpoint(self) -> "DelayedSubmission":
        """Called by submitit before a task is pre-empted or out of time; what it has done is on the disk already."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


@dataclass(frozen=True)
class Array:
    """How tasks are sent to Slurm."""

    tasks: int = 1
    """Tasks of the array, which share the work."""
    options: tuple[str, ...] = ()
    """Options of ``sbatch``, such as ``partition=gpu``."""
    detach: bool = False
    """Whether not to wait for the tasks."""


def train_on_slurm(task: ArrayTask, array: Array) -> None:
    """Send the runs without a result to Slurm and wait until all have one, unless the array is detached.

    Tasks that were killed are sent again. Raises :class:`InputError` where there is no Slurm, for an option that it
    does not know, and where tasks end again and again without a result.
    """
    if task.options.fresh:
        raise InputError("--fresh: every task would train every run; delete the results instead, and run without it")
    if array.tasks < 1:
        raise InputError(f"--tasks {array.tasks}: expected a number of at least 1")
    options = dict(_option(text) for text in array.options)
    experiment = task.part.select(task.experiment)
    folder = ResultsFolder(task.results, experiment.name)
    found = take_stock(found_in(expand(experiment), folder), folder)
    if not found.missing:
        return
    require_room(folder.path)
    if not task.options.contract_skipped:
        from benchmark.running.gate import require_contract

        if kept := require_contract(found.missing):
            _say(kept)
    logs = folder.path / "slurm"
    require_writable(logs)
    queue = _Queue(_executor(logs, options, f"dst-bench-{experiment.name}"), task)
    queue.send(array.tasks)
    _say(
        f"{experiment.name}: {quantity(len(found.missing), 'run')} to train by {quantity(array.tasks, 'task')} of job "
        f"{_number(queue.jobs[0])}; logs in {logs}"
    )
    if array.detach:
        return
    try:
        _wait(queue, distinct(found.runs), folder)
    except KeyboardInterrupt:
        _say("the tasks go on; `scancel` ends them")
        raise


@dataclass
class _Queue:
    """The tasks of an array, those that ended replaced by those that were sent again."""

    executor: "SlurmExecutor"
    task: ArrayTask
    jobs: "list[Job[None]]" = field(default_factory=list)
    refused: int = 0
    """Times in a row that Slurm took no more tasks."""

    def send(self, tasks: int) -> None:
        """Send so many tasks more."""
        self.jobs += _submit(self.executor, self.task, tasks)

    def send_again(self, ended: "Sequence[Job[None]]") -> bool:
        """Replace tasks that ended by new ones; False where a controller that is too busy has to be asked again."""
        try:
            sent = _submit(self.executor, self.task, len(ended))
        except InputError:
            self.refused += 1
            if self.refused == UNANSWERED:
                raise
            return False
        self.refused = 0
        self.jobs = [job for job in self.jobs if job not in ended] + sent
        _say(f"sent {quantity(len(ended), 'task')} again that ended before the work did, as job {_number(sent[0])}")
        return True


@dataclass(frozen=True)
class _Progress:
    """How far the work is, seen from the folder of results."""

    missing: int
    checkpoints: frozenset[tuple[str, int]]
    """By name and time; whoever trains changes them."""

    @classmethod
    def of_runs(cls, runs: Sequence[Run], folder: ResultsFolder) -> "_Progress":
        """The progress of ``runs``, each id once."""
        present = folder.written()
        there = found_in(runs, folder)  # a task chooses the engine that is fastest on its own machine
        return cls(sum(run.id not in present for run in there), _checkpoints(folder))


def _executor(folder: Path, options: Mapping[str, Any], name: str) -> "SlurmExecutor":
    try:
        from submitit import SlurmExecutor
    except ImportError as error:
        raise InputError("--executor slurm needs submitit: pip install 'dst-bench[slurm]'") from error
    try:
        executor = SlurmExecutor(folder, max_num_timeout=MANY)
    except RuntimeError as error:
        raise InputError("--executor slurm: there is no Slurm here (srun is not on the PATH)") from error
    try:
        executor.update_parameters(job_name=name, **options)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"--slurm {' '.join(f'{key}={value}' for key, value in options.items())}: {one_line(error)}"
        ) from error
    return executor


def _option(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"--slurm {text!r}: expected KEY=VALUE, such as partition=gpu or time=120")
    return key.replace("-", "_"), parse_yaml(value, f"--slurm {key}")


def _submit(executor: "SlurmExecutor", task: ArrayTask, tasks: int) -> "list[Job[None]]":
    from submitit.core.utils import FailedJobError

    try:
        with executor.batch():
            return [executor.submit(task) for _ in range(tasks)]
    except FailedJobError as error:
        raise InputError(f"--executor slurm: sbatch failed: {one_line(error, 1000)}") from error


def _wait(queue: _Queue, runs: Sequence[Run], folder: ResultsFolder) -> None:
    """Watch the queue until every run has a result, and send tasks again that were killed, or all if none is left."""
    now = _Progress.of_runs(runs, folder)
    fruitless = 0
    while now.missing:
        time.sleep(POLL_SECONDS)
        queued = _queued()
        ended = [job for job in queue.jobs if job.job_id not in queued]
        before, now = now, _Progress.of_runs(runs, folder)
        if now.missing < before.missing or now.checkpoints != before.checkpoints:
            fruitless = 0
        if now.missing < before.missing:
            there = f"{quantity(len(queue.jobs) - len(ended), 'task')} in the queue"
            _say(f"{len(runs) - now.missing} of {quantity(len(runs), 'run')} done; {there}")
        # A task that came to an end of its own is noted by submitit; while others go on, it has nothing more to do.
        killed = [job for job in ended if not job.paths.result_pickle.exists()]
        nobody_left = len(ended) == len(queue.jobs)
        again = ended if nobody_left else killed
        if not now.missing or not again:
            continue
        if fruitless < FRUITLESS:
            fruitless += queue.send_again(again)
        elif nobody_left:
            lacking = f"{quantity(now.missing, 'run')} without a result"
            raise InputError(f"{lacking}, and the tasks end without one; see {_log(again[-1])}")


def _checkpoints(folder: ResultsFolder) -> frozenset[tuple[str, int]]:
    found = set()
    for path in checkpoints_folder(folder.path).glob("*.pt"):
        with suppress(FileNotFoundError):  # its fleet has ended this moment
            found.add((path.name, path.stat().st_mtime_ns))
    return frozenset(found)


def _queued() -> set[str]:
    """Ids of the tasks that wait or run; a controller that is too busy to answer is asked again."""
    command = ["squeue", "--me", "--noheader", "--array", "--format=%i"]
    for _ in range(UNANSWERED):
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return {line.strip() for line in found.stdout.splitlines()}
        time.sleep(POLL_SECONDS)
    raise InputError(f"--executor slurm: {' '.join(command)} fails ({found.stderr.strip()}); the tasks go on")


def _number(job: "Job[None]") -> str:
    return job.job_id.partition("_")[0]


def _log(job: "Job[None]") -> Path:
    return job.paths.stderr


def _say(line: str) -> None:
    print(line, file=sys.stderr)
