"""Sharing the missing runs of an experiment with whoever else works on them in the same results folder."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import Run
from benchmark.running.checkpoint import checkpoint_file
from benchmark.running.helpers import HelperTask, helped, helpers_worth
from benchmark.running.holds import Hold, living_others
from benchmark.running.journal import TAKEN
from benchmark.running.leftovers import forget, leftovers, remove, unfinished, useless
from benchmark.running.options import Options
from benchmark.running.plan import FleetSizes, next_fleet
from benchmark.running.progress import Progress, Shows
from benchmark.running.resume import Place, train_or_resume
from benchmark.running.storing import Fleet, train_and_store
from benchmark.running.workers import HoldLostError, Worker
from benchmark.system import communication
from benchmark.system.child import Child
from benchmark.system.device import choose_device, environment
from benchmark.system.freed_memory import keep_freed_memory
from benchmark.system.quantity import quantity
from benchmark.training.fingerprint import code_of_setup
from criteria.errors import InputError, PluginError

POLL_SECONDS = 2.0
"""Between two looks at what others have finished, where there is nothing else to do."""
LOOKS = 100
"""After which a process that waits tells those that train together with it: they would give it up in half an hour."""


@dataclass(frozen=True)
class Work:
    """Runs of one experiment, each id once, that shall all have a result, and how they get it."""

    runs: Sequence[Run]
    folder: ResultsFolder
    options: Options
    device: torch.device
    progress: Shows
    sizes: FleetSizes
    before: Mapping[str, int] = field(default_factory=dict)
    """Results that do not count, because the runs are to be trained afresh, by id with the time of the file."""
    failures: dict[str, str] = field(default_factory=dict)
    """What plugins failed at when this process trained the run with this id; it is not tried again."""
    helpers: Sequence[Child] = ()
    """Processes that this one has started to work beside it."""

    def stored(self) -> frozenset[str]:
        """The ids of the runs that have a result."""
        return self.folder.written_since(self.before) & {run.id for run in self.runs}

    @property
    def waits(self) -> bool:
        """Whether to wait for runs that others train; for helpers always, since theirs are ours if they die."""
        return self.options.wait or any(helper.poll() is None for helper in self.helpers)

    def free(self, stored: frozenset[str], others: Sequence[Hold]) -> list[Run]:
        """The runs that have no result, that none of the ``others`` trains and that have not failed here."""
        held = {run for hold in others for run in hold.runs}
        return [run for run in self.runs if run.id not in stored | held | self.failures.keys()]

    def left(self, stored: frozenset[str]) -> int:
        """How many runs may still get a result."""
        return sum(run.id not in stored and run.id not in self.failures for run in self.runs)


@dataclass(frozen=True)
class Turn:
    """What a worker found when it last looked: the fleet that it took, what has a result, and who else works."""

    fleet: list[Run]
    stored: frozenset[str]
    others: list[Hold]


def share_work(runs: Sequence[Run], folder: ResultsFolder, options: Options, progress: Progress) -> None:
    """Train ``runs`` (each id once) until all have a result, and store those of a fleet as soon as it ends.

    What others hold is left to them. A fleet that was left unfinished goes on from its checkpoint. Of several
    processes that train together the first one is the worker, and the others train what it takes. Raises
    :class:`PluginError` at the end where plugins failed; the runs of all others have their results then.
    """
    if not runs:
        return
    first = communication.rank() == 0
    task = HelperTask(runs, folder, options, folder.written() if options.fresh and first else {})
    work = _work(task, progress)
    if not first:
        _follow(work)
        return
    with Worker(folder.path, environment(work.device)["device"]) as worker:
        if options.fresh:
            forget(runs, worker)
        lacking = work.free(work.stored(), [])
        with helped(helpers_worth(lacking, work.device, options), task, progress) as helpers:
            _lead(replace(work, helpers=helpers), worker)
    _require_no_failure(work)


def work_on(task: HelperTask, progress: Shows) -> None:
    """Train what is sent to a helper until nothing is left that nobody trains; its failures are left to the others."""
    work = _work(task, progress)
    with Worker(task.folder.path, environment(work.device)["device"]) as worker:
        _lead(work, worker, told=True)


def _work(task: HelperTask, progress: Shows) -> Work:
    """What there is to do, on the device that the options choose."""
    keep_freed_memory()
    for run in task.runs:
        code_of_setup(run.setup)  # read now, as it was imported: files may change before results are stored
    options = task.options
    device = choose_device(options.device)
    sizes = FleetSizes(device, options.data_dir, options.most)
    return Work(task.runs, task.folder, options, device, progress, sizes, task.before)


def _require_no_failure(work: Work) -> None:
    if not work.failures:
        return
    failed = [run for run in work.runs if run.id in work.failures]
    first = failed[0]
    more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
    others = " (the others have a result)" if len(failed) < len(work.runs) else ""
    raise PluginError(
        f"{len(failed)} of {quantity(len(work.runs), 'run')} failed{others}: {first.cell}, "
        f"seed {first.seed}{more}: "
        f"{work.failures[first.id]}"
    )


def _lead(work: Work, worker: Worker, *, told: bool = False) -> None:
    """Take and train one fleet after another, and wait for the others where they train all that is left.

    Who the others are is said once, unless that has been ``told``.
    """
    while True:
        waits = work.waits  # asked first: what a helper leaves that dies from now on is waited for, and then taken
        turn = _take(work, worker)
        left = work.left(turn.stored)
        work.progress.left(left)
        is_over = not turn.fleet and (left == 0 or not waits)
        communication.broadcast_from_first(None if is_over else [run.id for run in turn.fleet])
        if turn.fleet:
            _train(turn, work, worker)
            continue
        if left and not told:
            _tell_who_trains(turn, left, work)
            told = True
        if is_over:
            return
        _wait_for_others(work, worker)


def _follow(work: Work) -> None:
    """Train with the first process what it takes, until it has no more to do."""
    known = {run.id: run for run in work.runs}
    while (ids := communication.broadcast_from_first(list[str]())) is not None:
        if ids:
            fleet = [known[run] for run in ids]
            name = fleet[0].setup.data
            place = Place.of(name, work.options.data_dir, work.device)
            train_or_resume(fleet, checkpoint_file(work.folder.path, ids), place)


def _take(work: Work, worker: Worker) -> Turn:
    """Take the next fleet, one that was left unfinished first; none where others hold all that is missing.

    What dead workers and useless checkpoints leave in the folder is removed on the way.
    """
    with worker.alone():
        worker.remove_dead()
        others = worker.others()
        stored = work.stored()
        free = work.free(stored, others)
        if not free:
            return Turn([], stored, others)
        fleet, step = _unfinished(work, {run.id for run in free}, worker, others)
        # The share is one of all that lacks a result, with what others train at present: who takes last would
        # get the least otherwise.
        share = math.ceil(work.left(stored) / (1 + len(others) + _coming(work, others)))
        fleet = fleet or next_fleet(free, work.sizes, share)
        ids = [run.id for run in fleet]
        worker.take(ids)
        worker.log(TAKEN, ids, step=step)
    return Turn(fleet, stored, others)


def _coming(work: Work, others: Sequence[Hold]) -> int:
    """How many helpers have been started and have not said yet that they are there."""
    there = {hold.pid for hold in others}
    return sum(helper.pid not in there and helper.poll() is None for helper in work.helpers)


def _unfinished(work: Work, free: set[str], worker: Worker, others: Sequence[Hold]) -> tuple[list[Run], int]:
    """The fleet to go on with from a checkpoint, and its step; no fleet, at step 0, where there is no such one."""
    known = {run.id: run for run in work.runs}
    found = leftovers(worker.folder, others)
    gone = useless(found, known.keys(), free, work.options.most)
    for each in found:
        if each.problem and not each.damaged:
            work.progress.say(f"{each.problem}; left alone, its runs begin anew")
    for _, reason in gone:
        if reason:
            work.progress.say(reason)
    remove(each for each, _ in gone)
    removed = {each.path for each, _ in gone}
    ours = [each for each in found if each.path not in removed and known.keys() >= set(each.runs)]
    left = unfinished(ours, free)
    return ([], 0) if left is None else ([known[run] for run in left.runs], left.step)


def _train(turn: Turn, work: Work, worker: Worker) -> None:
    fleet = Fleet(turn.fleet, [run.id for run in turn.fleet if run.id not in turn.stored], work.before)
    name = work.folder.experiment
    try:
        trained = train_and_store(fleet, work.folder, worker, work.options, work.progress)
    except HoldLostError:
        if communication.size() > 1:  # the others are in the middle of a step, which they cannot leave
            raise InputError(f"{name}: silent for so long that others took over the run; start it again") from None
        work.progress.say(f"was silent for so long that others took over {quantity(len(turn.fleet), 'run')}; going on")
        return
    for run, failure in trained.failures.items():
        if run in fleet.lacking:
            work.failures[run] = failure
    if trained.failures and work.left(turn.stored):
        failed = quantity(len(trained.failures), "run")
        work.progress.say(f"{failed} failed; the others go on, and the end of this command says why")
    if trained.smaller is not None:
        work.sizes.limit(turn.fleet[0], trained.smaller)


def _tell_who_trains(turn: Turn, left: int, work: Work) -> None:
    known = {helper.pid for helper in work.helpers}
    others = [hold for hold in turn.others if hold.runs and hold.pid not in known]
    if others:
        who = ", ".join(f"{hold.host} (process {hold.pid})" for hold in others)
        waiting = "; waiting" if work.options.wait else ""
        work.progress.say(f"others train {quantity(left, 'run')}: {who}{waiting}")


def _wait_for_others(work: Work, worker: Worker) -> None:
    """Return when it looks as if all were done, or something were free; however many wait, they hold no lock.

    Also after :data:`LOOKS`, and where nobody is left to wait for.
    """
    for _ in range(LOOKS):
        time.sleep(POLL_SECONDS)
        stored = work.stored()
        work.progress.left(work.left(stored))
        free = work.free(stored, living_others(worker.folder, worker.path, time.time()))
        if free or not work.left(stored) or not work.waits:
            return
