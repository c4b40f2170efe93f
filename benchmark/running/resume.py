"""Training one fleet to its end: from its checkpoint where there is one, and leaving one now and then."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmark.data.dataset import Dataset
from benchmark.experiments.runs import Run
from benchmark.running.checkpoint import Checkpoint, read_checkpoint, versions, write_checkpoint
from benchmark.system import communication
from benchmark.system.device import environment
from benchmark.training.fleet_training import FleetTraining, Outcome
from criteria.errors import InputError

SECONDS = 60.0
"""Between two checkpoints of a fleet, unless told otherwise."""
SHARE = 0.05
"""Of the time that writing checkpoints may take; where it takes longer there are fewer."""


def train_or_resume(
    fleet: Sequence[Run],
    path: Path,
    dataset: Dataset,
    device: torch.device,
    checkpoint_seconds: float = SECONDS,
    on_step: Callable[[int, int], None] = lambda _step, _total: None,
    say: Callable[[str], None] = print,
) -> Checkpoint:
    """The end of a fleet's training, which is also left at ``path``.

    A checkpoint there that cannot be used is reported by ``say`` and ignored. So is one that cannot be written: what is
    lost by it is time. ``on_step(step, total_steps)`` is called after every optimizer step. Of several processes that
    train together all read the checkpoint, and the first writes it, at the end of every epoch.
    """
    saved = usable_checkpoint(path, fleet, say)
    step = saved.step if saved else 0
    if communication.of_first(step) != step:
        raise InputError(
            f"{path}: the first process has another checkpoint here than this one; they need a shared disk"
        )
    if saved is not None and saved.outcomes is not None:
        return saved
    training = _new(fleet, dataset, device)
    if saved is not None and saved.state is not None:
        problem = ""
        try:
            training.load_state_dict(saved.state)
        except Exception as error:  # whatever plugins and torch meet in a state that is none of theirs
            problem = f"its state does not fit: {error}"
        if communication.anywhere(bool(problem)):
            say(f"{path}: not used, {problem or 'another process cannot'}; its {len(fleet)} runs begin anew")
            saved, training = None, _new(fleet, dataset, device)

    environments = list(saved.environments) if saved else []
    if environments[-1:] != [environment(device)]:
        environments.append(environment(device))
    started = time.monotonic() - (saved.seconds if saved else 0.0)

    def write(outcomes: list[Outcome] | None = None) -> Checkpoint:
        checkpoint = Checkpoint(
            versions=versions(),
            runs=[run.id for run in fleet],
            environments=environments,
            seconds=time.monotonic() - started,
            step=training.step,
            total_steps=training.total_steps,
            state=training.state_dict() if outcomes is None else None,
            outcomes=outcomes,
        )
        try:
            if communication.rank() == 0:
                write_checkpoint(path, checkpoint)
        except InputError as error:
            say(f"{error}; the training goes on without this checkpoint")
        return checkpoint

    due = time.monotonic() + checkpoint_seconds
    for step in training.steps():
        on_step(step, training.total_steps)
        began = time.monotonic()
        # clocks differ between processes, and so do the statistics of batch-norm but for the end of an epoch
        is_due = training.ends_epoch if communication.size() > 1 else began >= due
        if is_due:
            write()
            ended = time.monotonic()
            due = ended + max(checkpoint_seconds, (ended - began) / SHARE)
    return write(training.finish())


def usable_checkpoint(path: Path, fleet: Sequence[Run], say: Callable[[str], None]) -> Checkpoint | None:
    """The checkpoint of a fleet, or None where there is none that this installation can go on from."""
    if not path.exists():
        return None
    anew = f"its {len(fleet)} runs begin anew"
    try:
        saved = read_checkpoint(path)
    except InputError as error:
        say(f"{error}; {anew}")
        return None
    if saved.versions != versions():
        say(f"{path}: not used, written by {_listed(saved.versions)} and this is {_listed(versions())}; {anew}")
        return None
    return saved


def _new(fleet: Sequence[Run], dataset: Dataset, device: torch.device) -> FleetTraining:
    experiment = fleet[0].experiment
    return FleetTraining([run.member() for run in fleet], experiment.model, experiment.training, dataset, device)


def _listed(versions: dict[str, str]) -> str:
    return " and ".join(f"{name} {number}" for name, number in versions.items())
