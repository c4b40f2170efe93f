"""Training one fleet to its end: from its checkpoint where there is one, and leaving one now and then."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmark.data.dataset import Dataset
from benchmark.experiments.outcome import Outcome
from benchmark.experiments.runs import Run
from benchmark.running.checkpoint import Checkpoint, read_checkpoint, versions, write_checkpoint
from benchmark.running.options import CHECKPOINT_SECONDS
from benchmark.running.plan import dataset_on, digest_on
from benchmark.system import communication, interruption
from benchmark.system.device import environment
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import member_of
from criteria.errors import InputError, one_line

SHARE = 0.05
"""Of the time that writing checkpoints may take; where it takes longer there are fewer."""


@dataclass(frozen=True)
class Place:
    """Where a fleet trains, and who hears of it."""

    dataset: Dataset
    data: str
    """The digest of the data set."""
    device: torch.device
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    on_step: Callable[[int, int], None] = field(default=lambda _step, _total: None)
    """Called with (step, total steps) after every optimizer step."""
    say: Callable[[str], None] = print
    """Prints a line for the user."""

    @classmethod
    def of(cls, data: str, data_dir: Path | None, device: torch.device) -> "Place":
        """A place with a data set of that name on a device."""
        return cls(dataset_on(data, data_dir, device), digest_on(data, data_dir, device), device)


def train_or_resume(fleet: Sequence[Run], path: Path, place: Place) -> Checkpoint:
    """The end of a fleet's training, which is also left at ``path``.

    A checkpoint there that cannot be used is reported and ignored. So is one that cannot be written: what is lost by it
    is time. A signal that asks the process to end is heard after the step that it comes in, and a checkpoint is left.
    Of several processes that train together all read the checkpoint, and the first writes it, at the end of an epoch.
    """
    saved = usable_checkpoint(path, fleet, place)
    step = saved.step if saved else 0
    if communication.broadcast_from_first(step) != step:
        raise InputError(
            f"{path}: the first process has another checkpoint here than this one; they need a shared disk"
        )
    if saved is not None and saved.outcomes is not None:
        return saved
    training, saved = _training(fleet, path, saved, place)
    writer = _Writer(path, fleet, training, place, _environments(saved, place.device), saved.seconds if saved else 0.0)
    with interruption.ending_between_steps() as end_if_asked:
        _train(training, writer, place, end_if_asked)
        end = writer.write(training.finish())
        end_if_asked()
    return end


def _train(training: FleetTraining, writer: "_Writer", place: Place, end_if_asked: Callable[[], None]) -> None:
    """Train to the last step, and leave a checkpoint whenever one is due."""

    def is_due(wanted: bool) -> bool:
        # clocks differ between processes, and statistics of batch-norm agree at the end of an epoch only
        return training.ends_epoch if communication.size() > 1 else wanted

    due = time.monotonic() + place.checkpoint_seconds
    for step in training.steps():
        place.on_step(step, training.total_steps)
        began = time.monotonic()
        if is_due(began >= due or interruption.is_asked_to_end()):
            writer.write()
            ended = time.monotonic()
            due = ended + max(place.checkpoint_seconds, (ended - began) / SHARE)
        end_if_asked()


@dataclass
class _Writer:
    """Leaves checkpoints of one training at ``path``."""

    path: Path
    fleet: Sequence[Run]
    training: FleetTraining
    place: Place
    environments: list[dict[str, Any]]
    seconds_before: float
    started: float = field(default_factory=time.monotonic)

    def write(self, outcomes: list[Outcome] | None = None) -> Checkpoint:
        """A checkpoint of the training as it is now, or of its ``outcomes``; it is reported if it cannot be written."""
        state = self.training.state_dict() if outcomes is None else None
        checkpoint = Checkpoint(
            versions=versions(self.fleet[0].setup, self.place.data),
            runs=[run.id for run in self.fleet],
            environments=self.environments,
            seconds=self.seconds_before + time.monotonic() - self.started,
            step=self.training.step,
            total_steps=self.training.total_steps,
            state=state,
            outcomes=outcomes,
            failures={self.fleet[index].id: failure for index, failure in self.training.failures.items()},
        )
        try:
            if communication.rank() == 0:
                write_checkpoint(self.path, checkpoint)
        except InputError as error:
            self.place.say(f"{error}; the training goes on without this checkpoint")
        return checkpoint


def _anew(fleet: Sequence[Run]) -> str:
    return "its run begins anew" if len(fleet) == 1 else f"its {len(fleet)} runs begin anew"


def usable_checkpoint(path: Path, fleet: Sequence[Run], place: Place) -> Checkpoint | None:
    """The checkpoint of a fleet, or None where this installation can go on from none."""
    if not path.exists():
        return None
    try:
        saved = read_checkpoint(path)
    except InputError as error:
        place.say(f"{error}; {_anew(fleet)}")
        return None
    if saved.versions != (here := versions(fleet[0].setup, place.data)):
        written = f"written by {_listed(saved.versions)} and this is {_listed(here)}"
        place.say(f"{path}: not used, {written}; {_anew(fleet)}")
        return None
    return saved


def _training(
    fleet: Sequence[Run], path: Path, saved: Checkpoint | None, place: Place
) -> tuple[FleetTraining, Checkpoint | None]:
    """The training as its checkpoint left it, with the checkpoint, or a new one where that cannot be used."""

    def new() -> FleetTraining:
        return FleetTraining([member_of(run) for run in fleet], fleet[0].setup, place.dataset, place.device)

    training = new()
    if saved is None or saved.state is None:
        return training, saved
    problem = ""
    try:
        training.load_state_dict(saved.state)
    except Exception as error:  # plugins and torch raise many kinds of errors for a state of something else
        problem = f"its state does not fit: {one_line(error)}"
    if communication.any_process(bool(problem)):
        place.say(f"{path}: not used, {problem or 'another process cannot'}; {_anew(fleet)}")
        return new(), None
    return training, saved


def _environments(saved: Checkpoint | None, device: torch.device) -> list[dict[str, Any]]:
    """The environments of the training so far and, where it is another one, this one."""
    found = list(saved.environments) if saved else []
    here = environment(device)
    return found if found[-1:] == [here] else [*found, here]


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
