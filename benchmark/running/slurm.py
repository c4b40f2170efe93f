"""Training on a Slurm cluster: an array of tasks, each of them a `dst-bench run` on the same results folder."""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.experiments.experiment import Experiment
from benchmark.experiments.results import experiment_folder, stored
from benchmark.experiments.runs import Run, expand
from benchmark.running.checkpoint import checkpoints_folder
from benchmark.system.files import require_writable
from benchmark.system.yamlfile import parse_yaml
from criteria.errors import InputError, one_line

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
class Task:
    """What a task does: the same command, here. It is sent to the task, and once more when Slurm takes its machine."""

    options: dict[str, Any]
    """Of the command line."""

    def __call__(self) -> None:
        """Train what is missing; raises an error where the command's exit status is not 0.

        By it submitit notes that the task came to an end of its own, and was not killed.
        """
        from benchmark.commands.cli import run_command

        if status := run_command(argparse.Namespace(**self.options)):
            raise RuntimeError(f"the command ended with status {status}")

    def checkpoint(self) -> "DelayedSubmission":
        """Called by submitit before a task is pre-empted or out of time; what it has done is on the disk already."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def train_on_slurm(experiment: Experiment, args: argparse.Namespace) -> None:
    """Send the runs without a result to Slurm and, unless ``args.detach``, wait until all have one.

    Tasks that were killed are sent again. Raises :class:`InputError` where there is no Slurm, for an option that it
    does not know, and where tasks end again and again without a result.
    """
    if args.fresh:
        raise InputError("--fresh: every task would train every run; delete the results instead, and run without it")
    if args.tasks < 1:
        raise InputError(f"--tasks {args.tasks}: expected a number of at least 1")
    runs = expand(experiment)
    missing = _missing(runs, args.results)
    if not missing:
        return
    folder = experiment_folder(args.results, experiment.name) / "slurm"
    require_writable(folder)
    executor = _executor(folder, args.slurm, f"dst-bench-{experiment.name}")
    task = Task({**vars(args), "executor": "local"})
    jobs = _submit(executor, task, args.tasks)
    _say(
        f"{experiment.name}: {missing} runs to train by {args.tasks} tasks of job {_number(jobs[0])}; logs in {folder}"
    )
    if args.detach:
        return
    try:
        _wait(executor, task, jobs, runs, args.results)
    except KeyboardInterrupt:
        _say("the tasks go on; `scancel` ends them")
        raise


def _executor(folder: Path, options: Sequence[str], name: str) -> "SlurmExecutor":
    try:
        from submitit import SlurmExecutor
    except ImportError as error:
        raise InputError("--executor slurm needs submitit: pip install 'dst-bench[slurm]'") from error
    try:
        executor = SlurmExecutor(folder, max_num_timeout=MANY)
    except RuntimeError as error:
        raise InputError("--executor slurm: there is no Slurm here (srun is not on the PATH)") from error
    try:
        executor.update_parameters(job_name=name, **dict(_option(text) for text in options))
    except (TypeError, ValueError) as error:
        raise InputError(f"--slurm {' '.join(options)}: {one_line(error)}") from error
    return executor


def _option(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"--slurm {text!r}: expected KEY=VALUE, such as partition=gpu or time=120")
    return key.replace("-", "_"), parse_yaml(value, f"--slurm {key}")


def _submit(executor: "SlurmExecutor", task: Task, tasks: int) -> "list[Job[None]]":
    from submitit.core.utils import FailedJobError

    try:
        with executor.batch():
            return [executor.submit(task) for _ in range(tasks)]
    except FailedJobError as error:
        raise InputError(f"--executor slurm: sbatch failed: {one_line(error, 1000)}") from error


def _wait(executor: "SlurmExecutor", task: Task, jobs: "list[Job[None]]", runs: Sequence[Run], results: Path) -> None:
    """Watch the queue until every run has a result, and send tasks again that were killed, or all if none is left."""
    missing, checkpoints = _missing(runs, results), _checkpoints(runs, results)
    fruitless = refused = 0
    while missing:
        time.sleep(POLL_SECONDS)
        queued = _queued()
        ended = [job for job in jobs if job.job_id not in queued]
        before, missing = missing, _missing(runs, results)
        earlier, checkpoints = checkpoints, _checkpoints(runs, results)
        if missing < before or checkpoints != earlier:
            fruitless = 0
        if missing < before:
            _say(
                f"{len(runs) - missing} of {len(runs)} runs have a result; {len(jobs) - len(ended)} tasks in the queue"
            )
        # a task that came to an end of its own is noted by submitit; while others go on, there is nothing more to do
        killed = [job for job in ended if not job.paths.result_pickle.exists()]
        nobody_left = len(ended) == len(jobs)
        again = ended if nobody_left else killed
        if not missing or not again:
            continue
        if fruitless == FRUITLESS:
            if nobody_left:
                raise InputError(f"{missing} runs have no result, and the tasks end without one; see {_log(again[-1])}")
            continue
        try:
            sent = _submit(executor, task, len(again))
        except InputError:  # a controller that is too busy is asked again
            refused += 1
            if refused == UNANSWERED:
                raise
            continue
        fruitless, refused = fruitless + 1, 0
        _say(f"sent {len(again)} tasks again that ended before the work did, as job {_number(sent[0])}")
        jobs = [job for job in jobs if job not in again] + sent


def _checkpoints(runs: Sequence[Run], results: Path) -> set[tuple[str, int]]:
    """The checkpoints that there are, by name and time; whoever trains changes them."""
    folder = checkpoints_folder(experiment_folder(results, runs[0].experiment.name))
    found = set()
    for path in folder.glob("*.pt"):
        with suppress(FileNotFoundError):  # its fleet has ended this moment
            found.add((path.name, path.stat().st_mtime_ns))
    return found


def _missing(runs: Sequence[Run], results: Path) -> int:
    return sum(stored(run, results) is None for run in runs)


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
