"""Which runs of an experiment lack a result, and training those. Nothing heavy is imported where none does."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from benchmark.experiments.experiment import Experiment
from benchmark.experiments.results import Result, Results, ResultsFolder
from benchmark.experiments.runs import Run, expand
from benchmark.running.computed_by import engines_chosen
from benchmark.running.options import Options
from benchmark.system import communication
from benchmark.system.duration import duration
from benchmark.system.files import require_room, require_writable
from benchmark.system.quantity import quantity
from benchmark.training.fingerprint import code_of_setup


@dataclass(frozen=True)
class Stock:
    """The runs that somebody asks for, and which of them have a result."""

    runs: list[Run]
    """Two cells of an experiment can ask for one training; both runs are here, with the same id."""
    stored: dict[str, Result]
    """The results that are there, by the run's id."""
    missing: list[Run]
    """The runs without a result, each id once."""

    @property
    def results(self) -> Results:
        """The runs that have a result, with it."""
        return tuple((run, self.stored[run.id]) for run in self.runs if run.id in self.stored)

    @property
    def line(self) -> str:
        """How much is there and how much is not, in words."""
        done = len({run.id for run in self.runs}) - len(self.missing)
        return f"{quantity(done, 'run')} stored, {len(self.missing)} to train"


def train_missing(
    experiment: Experiment, folder: ResultsFolder, options: Options, told: set[str] | None = None
) -> Results:
    """Train the runs of an experiment that have no stored result, shared with whoever else works in ``folder``.

    Returns all results that there are then, each of which is read once; some are missing only if others train them and
    the options say not to wait. Raises :class:`InputError` for a stored result that is damaged and for data that are
    needed and missing, and :class:`ContractError` for a criterion or a growth that breaks its contract. That they keep
    it is said where it is not among what was ``told`` before, and is then added to that.
    """
    runs = engines_chosen(expand(experiment), folder, options)
    found = _without_older(take_stock(runs, folder, fresh=options.fresh), folder, options)
    if found.missing:
        _train(found, folder, options, set() if told is None else told)
    else:
        print(f"{experiment.name}: {found.line}; {folder.where}", file=sys.stderr)
        _tidy(found.runs, folder)
    results = found.stored | {run.id: result for run, result in folder.read_all(found.missing)}
    return tuple((run, results[run.id]) for run in found.runs if run.id in results)


def _without_older(found: Stock, folder: ResultsFolder, options: Options) -> Stock:
    """The same where all results are of today's code; those of older code are adopted first, or missing."""
    there = [(run, found.stored[run.id]) for run in distinct(found.runs) if run.id in found.stored]
    older = [(run, result) for run, result in there if result.code != code_of_setup(run.setup)]
    if not older:
        return found
    from benchmark.running.adoption import adopt
    from benchmark.system.device import choose_device

    adopted: dict[str, Result] = {}
    if communication.rank() == 0:
        device = choose_device(options.device)
        say = partial(print, file=sys.stderr)
        adopted = adopt(older, folder, device, options.data_dir, say, _untried(options))
    adopted = communication.broadcast_from_first(adopted)
    refused = {run.id for run, _ in older} - adopted.keys()
    kept = {id_: result for id_, result in (found.stored | adopted).items() if id_ not in refused}
    lacking = {run.id for run in found.missing} | refused
    return Stock(found.runs, kept, [run for run in distinct(found.runs) if run.id in lacking])


def _untried(options: Options) -> str | None:
    """Why no result of older code is tried and adopted, in words; None where some are."""
    if not options.adopting:
        return "a check of results takes none on trust"
    # the first process would train alone, and wait in every step for what the others have to say
    return "several processes that train together try none" if communication.size() > 1 else None


def dry_run(experiment: Experiment, folder: ResultsFolder, options: Options) -> str:
    """How much there is to train, in how many fleets and about how long it takes; trains a few steps to know it."""
    from benchmark.running.estimate import estimate_seconds
    from benchmark.running.helpers import helpers_worth
    from benchmark.running.plan import FleetSizes, plan_fleets
    from benchmark.system.device import choose_device

    found = take_stock(engines_chosen(expand(experiment), folder, options), folder, fresh=options.fresh)
    device = choose_device(options.device)
    fleets = plan_fleets(found.missing, FleetSizes(device, options.data_dir, options.most))
    processes = 1 + helpers_worth(found.missing, device, options)
    about = duration(estimate_seconds(fleets, device, options.data_dir, processes))
    shared = quantity(len(fleets), "fleet")
    return f"{experiment.name}: {found.line} in {shared} on {device}, about {about}; {folder.where}"


def _train(found: Stock, folder: ResultsFolder, options: Options, told: set[str]) -> None:
    from benchmark.running.gate import require_contract
    from benchmark.running.plan import FleetSizes, dataset_on, plan_fleets
    from benchmark.running.progress import Progress
    from benchmark.running.sharing import share_work
    from benchmark.system.device import choose_device

    device = choose_device(options.device)
    require_room(folder.runs)
    fleets = plan_fleets(found.missing, FleetSizes(device, options.data_dir, options.most))
    said = [f"{folder.experiment}: {found.line} in {quantity(len(fleets), 'fleet')} on {device}; {folder.where}"]
    if communication.rank() == 0:
        # what is missing or broken is said now, and not only when hours have been trained
        for name in reversed(dict.fromkeys(fleet[0].setup.data for fleet in fleets)):  # the first is then in memory
            dataset_on(name, options.data_dir, device)
        if not options.contract_skipped and (kept := require_contract(found.missing)):
            line, *_ = kept.partition(" (")  # how many were checked before is no news
            said = said if line in told else [kept, *said]
            told.add(line)
    require_writable(folder.runs)
    print(*said, sep="\n", file=sys.stderr)
    with Progress(len(found.missing)) as progress:
        share_work(distinct(found.runs), folder, options, progress)


def distinct(runs: Iterable[Run]) -> list[Run]:
    """The runs with different ids.

    Two cells of an experiment can ask for one training, as ``dropout(p=0.1)`` and ``dense`` with ``model.dropout=0.1``
    do. It is trained once, and its result is that of both.
    """
    return list({run.id: run for run in reversed(list(runs))}.values())[::-1]


def take_stock(runs: Sequence[Run], folder: ResultsFolder, *, fresh: bool = False) -> Stock:
    """Which of ``runs`` have a stored result; ``fresh`` trusts none that is stored.

    All processes that train together see what the first one sees, so each of them has to call this. Raises
    :class:`InputError` for a stored result that is damaged.
    """
    each = distinct(runs)
    stored = {} if fresh else {run.id: result for run, result in folder.read_all(each)}
    done = set(communication.broadcast_from_first(list(stored)))
    return Stock(list(runs), stored, [run for run in each if run.id not in done])


def _tidy(runs: Sequence[Run], folder: ResultsFolder) -> None:
    from benchmark.running.leftovers import tidy

    if runs and communication.rank() == 0:
        tidy(runs, folder)
