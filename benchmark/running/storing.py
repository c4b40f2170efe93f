"""Training a fleet that this worker holds, and storing its results."""

import gc
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import torch

from benchmark.experiments.results import Result, ResultsFolder, Timing
from benchmark.experiments.runs import Run
from benchmark.running.checkpoint import Checkpoint, checkpoint_file
from benchmark.running.options import Options
from benchmark.running.plan import digest_on
from benchmark.running.progress import Shows
from benchmark.running.resume import Place, train_or_resume
from benchmark.running.workers import Worker
from benchmark.system import communication
from benchmark.system.device import choose_device
from benchmark.system.quantity import quantity
from benchmark.training.fingerprint import code_of_setup
from benchmark.training.members import member_of
from criteria.errors import InputError, PluginError, is_out_of_memory


@dataclass(frozen=True)
class Fleet:
    """Runs that train together."""

    runs: Sequence[Run]
    lacking: Sequence[str]
    """Ids of those without a result; a fleet that goes on from a checkpoint can have runs that have one."""
    before: Mapping[str, int] = field(default_factory=dict)
    """Results that do not count, by id with the time of the file."""

    @property
    def ids(self) -> list[str]:
        """Of all its runs."""
        return [run.id for run in self.runs]


@dataclass(frozen=True)
class Trained:
    """What came of a fleet."""

    smaller: int | None = None
    """The size of the fleets that should be trained instead, where memory did not suffice for this one."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """What plugins failed at, by the id of the run, which has no result."""


def train_and_store(fleet: Fleet, folder: ResultsFolder, worker: Worker, options: Options, progress: Shows) -> Trained:
    """Train the fleet that the worker holds, store its results and let go of it.

    A plugin that fails costs its own run; where several processes train together its :class:`PluginError` ends them.
    """
    device = choose_device(options.device)
    _free_memory(device)
    try:
        end = _train(fleet, device, worker, options, progress)
    except PluginError as error:
        failures = _cannot_be_made(fleet) or dict.fromkeys(fleet.ids, str(error))
        with worker.alone():
            _log_failures(failures, worker)
            if communication.size() > 1:
                raise
            _let_go(fleet, worker)
        return Trained(failures=failures)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        smaller = _smaller(fleet, folder, device, error)
    else:
        with worker.alone():
            worker.require_hold()
            stored = _store(fleet, end, folder, options, device)
            _log_failures(end.failures, worker)
            worker.log("stored", stored)
            _let_go(fleet, worker)
        return Trained(failures=end.failures)
    progress.say(f"not enough memory for {quantity(len(fleet.runs), 'network')} at once; going on with {smaller}")
    with worker.alone():
        _let_go(fleet, worker)
    return Trained(smaller)


def _free_memory(device: torch.device) -> None:
    """Give back what the fleet before has left: its networks refer to themselves, so they stay until collected."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _cannot_be_made(fleet: Fleet) -> dict[str, str]:
    """Why the plugins of runs cannot be made, by the run's id; the runs of the fleet that are not there can train."""
    found: dict[str, str] = {}
    for run in fleet.runs:
        try:
            member_of(run)
        except PluginError as error:
            found[run.id] = str(error)
    return found


def _log_failures(failures: Mapping[str, str], worker: Worker) -> None:
    for error in dict.fromkeys(failures.values()):
        worker.log("failed", [run for run, each in failures.items() if each == error], error=error)


def _train(fleet: Fleet, device: torch.device, worker: Worker, options: Options, progress: Shows) -> Checkpoint:
    show = progress.fleet(len(fleet.runs))

    def on_step(step: int, total: int) -> None:
        worker.at(step, total)
        show(step, total)

    place = Place.of(fleet.runs[0].setup.data, options.data_dir, device)
    place = replace(place, checkpoint_seconds=options.checkpoint_seconds, on_step=on_step, say=progress.say)
    return train_or_resume(fleet.runs, checkpoint_file(worker.folder, fleet.ids), place)


def _smaller(fleet: Fleet, folder: ResultsFolder, device: torch.device, error: BaseException) -> int:
    """Half the size of a fleet; raises :class:`InputError` where it has one network only."""
    if len(fleet.runs) > 1:
        return math.ceil(len(fleet.runs) / 2)
    batch_size = fleet.runs[0].setup.training.batch_size
    raise InputError(
        f"{folder.experiment}: not enough memory on {device} for one network with batch_size {batch_size}; "
        "take a smaller one or a larger machine"
    ) from error


def _let_go(fleet: Fleet, worker: Worker) -> None:
    """Let go of the runs, and remove a checkpoint that nobody will go on from."""
    worker.release()
    checkpoint_file(worker.folder, fleet.ids).unlink(missing_ok=True)


def _store(fleet: Fleet, end: Checkpoint, folder: ResultsFolder, options: Options, device: torch.device) -> list[str]:
    """Store the results of the runs of a fleet that have none, with the digest of the data; returns these runs' ids.

    Somebody may have put results into the folder since the runs were taken: these stay.
    """
    data = digest_on(fleet.runs[0].setup.data, options.data_dir, device)
    timing = Timing(
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        fleet_seconds=round(end.seconds, 3),
        fleet_size=len(fleet.runs),
    )
    *earlier, last = end.environments
    lacking = set(fleet.lacking) - folder.written_since(fleet.before) - end.failures.keys()
    for run, outcome in zip(fleet.runs, end.outcomes or [], strict=True):
        if run.id in lacking:
            folder.store(
                Result(
                    id=run.id,
                    experiment=folder.experiment,
                    settings=run.settings,
                    outcome=outcome,
                    contract_skipped=options.contract_skipped and run.cell.growth is not None,
                    code=code_of_setup(run.setup),
                    environment=last | {"data": data} | ({"earlier": earlier} if earlier else {}),
                    time=timing,
                )
            )
    return [run for run in fleet.lacking if run in lacking]
