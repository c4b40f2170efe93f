"""Training the missing runs of an experiment, shared with whoever else works on them in the same results folder."""

import math
import time
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from benchmark.experiments.results import Result, Timing, experiment_folder, store, written
from benchmark.experiments.runs import Run
from benchmark.running.checkpoint import (
    Checkpoint,
    DamagedCheckpointError,
    checkpoint_file,
    checkpoints_folder,
    read_checkpoint,
)
from benchmark.running.plan import FleetSizes, dataset_on, next_fleet
from benchmark.running.progress import Progress
from benchmark.running.resume import SECONDS, train_or_resume
from benchmark.running.workers import Claim, ClaimLostError, Worker, alone, living, workers, workers_folder
from benchmark.system import communication
from benchmark.system.device import environment
from benchmark.training.memory import is_out_of_memory, keep_freed_memory
from criteria.errors import InputError, PluginError

POLL_SECONDS = 2.0
"""Between two looks at what others have finished, where there is nothing else to do."""


@dataclass(frozen=True)
class Options:
    """How the work is done; nothing of it changes a result."""

    device: torch.device
    data_dir: Path | None = None
    most: int | None = None
    """Networks that train together at most; None where only memory limits them."""
    checkpoint_seconds: float = SECONDS
    wait: bool = True
    """Whether to wait for runs that others train, and to take them over where these die."""
    fresh: bool = False
    """Whether results and checkpoints from before do not count."""
    contract_skipped: bool = False


@dataclass(frozen=True)
class Turn:
    """What a worker found when it last looked: the fleet that it claimed, what has a result, and who else works."""

    fleet: list[Run]
    stored: frozenset[str]
    others: list[Claim]


def train_missing(runs: Sequence[Run], results: Path, options: Options, progress: Progress) -> None:
    """Train runs of one experiment until each has a result, and store those of a fleet as soon as it ends.

    What others claim is left to them. A fleet that was left unfinished goes on from its checkpoint. Of several
    processes that train together the first one is the worker, and the others train what it claims.
    """
    if not runs:
        return
    keep_freed_memory()
    if communication.rank() > 0:
        _follow(runs, results, options)
        return
    name = runs[0].experiment.name
    before = written(results, name) if options.fresh else {}
    sizes = FleetSizes(options.device, options.data_dir, options.most)
    told = False
    with Worker(experiment_folder(results, name), environment(options.device)["device"]) as worker:
        if options.fresh:
            _forget(runs, worker)
        while True:
            turn = _claim(runs, results, before, worker, sizes, options.most, progress)
            left = len(runs) - len(turn.stored)
            progress.left(left)
            over = not turn.fleet and (left == 0 or not options.wait)
            communication.of_first(None if over else [run.id for run in turn.fleet])
            if turn.fleet:
                try:
                    _train_and_store(turn, results, worker, sizes, options, progress)
                except ClaimLostError:
                    if communication.size() > 1:  # the others are in the middle of a step, which they cannot leave
                        raise InputError(
                            f"{name}: silent for so long that others took over the run; start it again"
                        ) from None
                    progress.say(f"was silent for so long that others took over {len(turn.fleet)} runs; going on")
            elif left == 0:
                return
            else:
                if not told:
                    who = ", ".join(f"{claim.host} (process {claim.pid})" for claim in turn.others if claim.runs)
                    progress.say(f"{left} runs are trained by others: {who}" + ("; waiting" if options.wait else ""))
                    told = True
                if not options.wait:
                    return
                _wait_for_others(runs, results, before, worker, progress)


def _follow(runs: Sequence[Run], results: Path, options: Options) -> None:
    """Train with the first process what it claims, until it has no more to do."""
    known = {run.id: run for run in runs}
    folder = experiment_folder(results, runs[0].experiment.name)
    while (ids := communication.of_first(list[str]())) is not None:
        if ids:
            fleet = [known[run] for run in ids]
            dataset = dataset_on(fleet[0].experiment.data, options.data_dir, options.device)
            train_or_resume(fleet, checkpoint_file(folder, ids), dataset, options.device)


def _claim(
    runs: Sequence[Run],
    results: Path,
    before: Mapping[str, int],
    worker: Worker,
    sizes: FleetSizes,
    most: int | None,
    progress: Progress,
) -> Turn:
    """Claim the next fleet, one that was left unfinished first; none where all that is missing is claimed by others."""
    with worker.alone():
        others = worker.others()
        stored, free = _standing(runs, results, before, others)
        if not free:
            return Turn([], stored, others)
        fleet, step = _unfinished(runs, {run.id for run in free}, worker.folder, others, most, progress.say)
        # of what others train at present their share consists too, or who claims last would get the least
        share = math.ceil((len(runs) - len(stored)) / (1 + len(others)))
        fleet = fleet or next_fleet(free, sizes, share)
        ids = [run.id for run in fleet]
        worker.take(ids)
        worker.log("claimed", ids, step=step)
    return Turn(fleet, stored, others)


def _standing(
    runs: Sequence[Run], results: Path, before: Mapping[str, int], others: Sequence[Claim]
) -> tuple[frozenset[str], list[Run]]:
    """The ids of the runs that have a result, and the runs that have none and that none of the ``others`` trains."""
    held = {run for claim in others for run in claim.runs}
    present = written(results, runs[0].experiment.name)
    stored = frozenset(run.id for run in runs if present.get(run.id) not in (None, before.get(run.id)))
    return stored, [run for run in runs if run.id not in stored | held]


def _wait_for_others(
    runs: Sequence[Run], results: Path, before: Mapping[str, int], worker: Worker, progress: Progress
) -> None:
    """Return when it looks as if all were done, or something were free; however many wait, they hold no lock."""
    while True:
        time.sleep(POLL_SECONDS)
        seen = workers(worker.folder, now=time.time())
        others = [each.claim for each in seen if each.alive and each.claim and each.path != worker.path]
        stored, free = _standing(runs, results, before, others)
        progress.left(len(runs) - len(stored))
        if free or len(stored) == len(runs):
            return


def _unfinished(
    runs: Sequence[Run],
    free: Set[str],
    folder: Path,
    others: Sequence[Claim],
    most: int | None,
    say: Callable[[str], None],
) -> tuple[list[Run], int]:
    """A fleet that was left with a checkpoint and misses ``free`` runs only, and its step; or no fleet, at step 0.

    Checkpoints that are of no use to anyone any more are removed, and so are those of fleets of more than ``most``
    networks. What any of the ``others`` trains is left alone.
    """
    known = {run.id: run for run in runs}
    held = {run for claim in others for run in claim.runs}
    for path in _abandoned(folder, others):
        try:
            saved = read_checkpoint(path, whole=False)
        except DamagedCheckpointError as error:
            say(f"{error}; removed, its runs begin anew")
            path.unlink(missing_ok=True)
            continue
        except InputError as error:
            say(f"{error}; left alone, its runs begin anew")
            continue
        if not held.isdisjoint(saved.runs) or not known.keys() >= set(saved.runs):
            continue  # someone is at it, or it has runs that nobody asks us for
        if not free.isdisjoint(saved.runs):
            if most is None or len(saved.runs) <= most:
                return [known[run] for run in saved.runs], saved.step
            say(f"{path}: removed, a fleet of {len(saved.runs)} is larger than --fleet {most}; its runs begin anew")
        path.unlink(missing_ok=True)
    return [], 0


def _abandoned(folder: Path, others: Sequence[Claim]) -> list[Path]:
    """The checkpoints that none of the ``others`` trains from; theirs may be removed or replaced at any moment."""
    in_use = {checkpoint_file(folder, claim.runs) for claim in others}
    return sorted(set(checkpoints_folder(folder).glob("*.pt")) - in_use)


def tidy(runs: Sequence[Run], results: Path) -> None:
    """Remove what dead workers left behind where all ``runs`` have a result, as far as the folder can be written."""
    folder = experiment_folder(results, runs[0].experiment.name)
    if any(workers_folder(folder).glob("*")) or any(checkpoints_folder(folder).glob("*")):
        with suppress(InputError), alone(folder):
            others = [seen.claim for seen in living(folder) if seen.claim]
            _unfinished(runs, frozenset(), folder, others, most=None, say=lambda _: None)


def _forget(runs: Sequence[Run], worker: Worker) -> None:
    """Remove the checkpoints that hold any of ``runs`` and that nobody is at."""
    ids = {run.id for run in runs}
    with worker.alone():
        others = worker.others()
        held = {run for claim in others for run in claim.runs}
        for path in _abandoned(worker.folder, others):
            try:
                members = set(read_checkpoint(path, whole=False).runs)
            except DamagedCheckpointError:
                members = ids
            if members & ids and not members & held:
                path.unlink(missing_ok=True)


def _train_and_store(
    turn: Turn, results: Path, worker: Worker, sizes: FleetSizes, options: Options, progress: Progress
) -> None:
    """Train the claimed fleet and store its results; where memory runs out, smaller ones are to be taken instead."""
    fleet, ids = turn.fleet, [run.id for run in turn.fleet]
    experiment = fleet[0].experiment
    path = checkpoint_file(worker.folder, ids)
    show = progress.fleet(len(fleet))

    def on_step(step: int, total: int) -> None:
        worker.at(step, total)
        show(step, total)

    try:
        dataset = dataset_on(experiment.data, options.data_dir, options.device)
        end = train_or_resume(fleet, path, dataset, options.device, options.checkpoint_seconds, on_step, progress.say)
    except PluginError as error:
        with worker.alone():
            worker.log("failed", ids, error=str(error))
        raise
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        if len(fleet) == 1:
            raise InputError(
                f"{experiment.name}: not enough memory on {options.device} for one network with batch_size "
                f"{experiment.training.batch_size}; take a smaller one or a larger machine"
            ) from error
        half = math.ceil(len(fleet) / 2)
        sizes.limit(fleet[0], half)
        progress.say(f"not enough memory for {len(fleet)} networks at once; going on with {half}")
    else:
        with worker.alone():
            worker.check()
            new = [run.id for run in fleet if run.id not in turn.stored]
            _store(fleet, new, end, results, options)
            worker.log("stored", new)
            worker.take([])
            path.unlink(missing_ok=True)
        return
    with worker.alone():
        worker.take([])
        path.unlink(missing_ok=True)  # it is of a fleet that does not fit
    if options.device.type == "cuda":
        torch.cuda.empty_cache()


def _store(fleet: Sequence[Run], new: Sequence[str], end: Checkpoint, results: Path, options: Options) -> None:
    """Store the results of the runs of a fleet that have none yet."""
    timing = Timing(
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        fleet_seconds=round(end.seconds, 3),
        fleet_size=len(fleet),
    )
    *earlier, last = end.environments
    for run, outcome in zip(fleet, end.outcomes or [], strict=True):
        if run.id in new:
            result = Result(
                id=run.id,
                experiment=run.experiment.name,
                settings=run.settings,
                outcome=outcome,
                contract_skipped=options.contract_skipped and run.cell.growth is not None,
                environment=last | ({"earlier": earlier} if earlier else {}),
                time=timing,
            )
            store(result, run, results)
