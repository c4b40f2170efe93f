"""A race between plugins on an experiment: seeds are trained only where something is still undecided."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from benchmark.experiments.cells import Cell
from benchmark.experiments.experiment import Experiment, axis_name
from benchmark.experiments.part import Part
from benchmark.experiments.results import Results, ResultsFolder, samples
from benchmark.experiments.runs import cells
from benchmark.running.missing import train_missing
from benchmark.running.options import Options
from benchmark.verdicts.contenders import Setting
from benchmark.verdicts.limits import MARGIN
from benchmark.verdicts.race import FIRST, Decision, decide, next_seeds
from benchmark.verdicts.samples import Samples, capped_grain
from criteria.errors import InputError
from criteria.plugins import Spec, names, resolve


@dataclass(frozen=True)
class Race:
    """What is raced: ``mine`` against each of ``others``, in every setting of a part of an experiment."""

    experiment: str
    mine: str
    others: tuple[str, ...]
    part: Part = field(default_factory=Part)
    margin: float = MARGIN
    budget: float = 600.0
    """Seconds of training."""
    most_seeds: int = 40


@dataclass(frozen=True)
class Trained:
    """What was trained for a race so far."""

    samples: Samples
    diverged: Mapping[Cell, int]
    """How many runs of a cell diverged, where some did."""


@dataclass(frozen=True)
class Lane:
    """One comparison of a race: with whom, and in which setting."""

    other: str
    setting: Setting


def race(
    asked: Race, root: ResultsFolder, options: Options, tell: Callable[[Lane, Decision], None]
) -> dict[Lane, Decision]:
    """Run a race to its end: every comparison is decided, or the budget of seconds or seeds is spent.

    ``tell`` is called when a comparison is decided. Seeds count from 1 upwards, results that are stored are used, and
    what is trained is stored as by ``dst-bench run``. Raises :class:`InputError` where there is nothing to compare.
    """
    started = time.monotonic()
    asked = _in_canonical_form(asked)
    found: dict[Lane, Decision] = {}
    lanes = _lanes(asked)
    wanted = dict.fromkeys(lanes, FIRST)
    done: dict[Setting, int] = {}
    train = partial(train_missing, told=set())
    slowest = 0.0  # seconds that a seed of one setting took
    while wanted:
        began = time.monotonic()
        known = _trained(asked, wanted, done, root, options, train)
        now = {lane.setting: seeds for lane, seeds in wanted.items()}
        new = sum(seeds - done.get(setting, 0) for setting, seeds in now.items())
        slowest = max(slowest, (time.monotonic() - began) / max(new, 1))
        done |= now
        for lane in wanted:
            found[lane] = _decided(asked, lane, known, len(lanes))
            if not _is_open(found[lane]):
                tell(lane, found[lane])
        wanted = _next(found, asked, budget=asked.budget - (time.monotonic() - started), seconds=slowest)
    return found


def _is_open(decision: Decision) -> bool:
    return decision.outcome == "undecided"


def _in_canonical_form(asked: Race) -> Race:
    """The race with its criteria as cells name them; what is no criterion stays as given, and is refused later."""

    def written(text: str) -> str:
        return str(resolve(text)) if Spec.parse(text).name in names("criterion") else text

    return replace(asked, mine=written(asked.mine), others=tuple(dict.fromkeys(map(written, asked.others))))


def _lanes(asked: Race) -> list[Lane]:
    rivals = [other for other in asked.others if other != asked.mine]
    if not rivals:
        raise InputError(f"a race needs two different criteria; given: {', '.join([asked.mine, *asked.others])}")
    if asked.most_seeds < FIRST:
        raise InputError(f"a race decides from {FIRST} seeds on; a setting cannot have at most {asked.most_seeds}")
    _require_no_growth(asked)
    raced = cells(_part(asked).select(asked.experiment))
    if baselines := sorted({cell.criterion for cell in raced if cell.growth is None}):
        raise InputError(f"a race is between criteria, which have a growth; baselines: {', '.join(baselines)}")
    there = {(cell.criterion, _setting(cell)) for cell in raced}
    settings = dict.fromkeys(map(_setting, raced))
    lanes = [Lane(other, setting) for other in rivals for setting in settings]
    for lane in lanes:
        for name in (asked.mine, lane.other):
            if (name, lane.setting) not in there:
                raise InputError(
                    f"{asked.experiment} leaves {name} out {lane.setting.words}, so nothing can be compared there; "
                    "choose other settings by --growth and --density"
                )
    return lanes


def _setting(cell: Cell) -> Setting:
    return Setting(cell.growth, cell.density, cell.extra)


def _require_no_growth(asked: Race) -> None:
    for text in (asked.mine, *asked.others):
        name = Spec.parse(text).name
        if name in names("growth") and not any(name in names(kind) for kind in ("criterion", "baseline")):
            add = f"{asked.experiment} --add '{text}'"
            raise InputError(
                f"{name} is a growth, and a race is between criteria; `dst-bench run {add}` trains all criteria with "
                f"it, and `dst-bench rank {add} --leaderboard FILE.md` then ranks every criterion with its growth"
            )


def _part(asked: Race) -> Part:
    return replace(asked.part, criteria=",".join([asked.mine, *asked.others]), seeds=None)


def _trained(
    asked: Race,
    wanted: Mapping[Lane, int],
    done: Mapping[Setting, int],
    root: ResultsFolder,
    options: Options,
    train: Callable[[Experiment, ResultsFolder, Options], Results],
) -> Trained:
    """All results of the lanes that are wanted, each with so many seeds, trained where they are missing.

    Of the seeds that are ``done`` by this race none is trained afresh once more.
    """
    found: dict[Cell, Mapping[int, float]] = {}
    diverged: Counter[Cell] = Counter()
    groups: dict[tuple[str | None, int, int], list[Lane]] = {}
    for lane, seeds in wanted.items():
        groups.setdefault((lane.setting.growth, seeds, done.get(lane.setting, 0)), []).append(lane)
    for (growth, seeds, before), lanes in groups.items():
        densities = dict.fromkeys(repr(lane.setting.density) for lane in lanes)
        part = replace(_part(asked), growth=growth, density=",".join(densities), seeds=f"1-{seeds}")
        experiment = _only(lanes, part.select(asked.experiment), asked)
        if options.fresh and 0 < before < seeds:
            new = replace(part, seeds=f"{before + 1}-{seeds}")
            train(_only(lanes, new.select(asked.experiment), asked), root, options)
        results = train(experiment, root, replace(options, fresh=options.fresh and not before))
        found |= samples(results, experiment.metric)
        diverged.update(run.cell for run, result in results if result.outcome.diverged)
    return Trained(found, diverged)


def _only(lanes: Sequence[Lane], experiment: Experiment, asked: Race) -> Experiment:
    """The experiment without the cells that none of ``lanes`` compares: of other settings, and of others decided."""
    settings = {lane.setting for lane in lanes}
    keys = {axis_name(key): key for key in experiment.axes.settings}
    points = list(experiment.axes.leave_out)
    for cell in cells(experiment):
        setting = _setting(cell)
        rival = cell.criterion in asked.others and cell.criterion != asked.mine
        if setting not in settings or (rival and Lane(cell.criterion, setting) not in lanes):
            extra = {keys[name]: value for name, value in cell.extra}
            points.append({"criterion": cell.criterion, "growth": str(cell.growth), "density": cell.density, **extra})
    axes = experiment.axes.model_copy(update={"leave_out": tuple(points)})
    return experiment.model_copy(update={"axes": axes})


def _decided(asked: Race, lane: Lane, known: Trained, comparisons: int) -> Decision:
    sides = [
        next(cell for cell in known.samples if (cell.criterion, _setting(cell)) == (name, lane.setting))
        for name in (asked.mine, lane.other)
    ]
    mine, other = (known.samples[cell] for cell in sides)
    differences = [mine[seed] - other[seed] for seed in sorted(mine.keys() & other.keys())]
    step = capped_grain(known.samples)
    decision = decide(differences, margin=asked.margin, comparisons=comparisons, grain=step)
    return replace(decision, diverged=(known.diverged.get(sides[0], 0), known.diverged.get(sides[1], 0)))


def _next(found: Mapping[Lane, Decision], asked: Race, budget: float, seconds: float) -> dict[Lane, int]:
    """The seeds that open lanes should have at the next look; those closest to a decision get the budget first."""
    names = {f"{number}": lane for number, lane in enumerate(found)}
    more = next_seeds({name: found[lane] for name, lane in names.items()})
    wanted: dict[Setting, int] = {}
    for name, extra in more.items():
        lane = names[name]
        seeds = min(found[lane].n + extra, asked.most_seeds)
        if seeds <= found[lane].n:
            continue
        cost = (seeds - found[lane].n) * seconds
        if cost > budget:
            continue
        budget -= cost if lane.setting not in wanted else 0.0
        wanted[lane.setting] = max(wanted.get(lane.setting, 0), seeds)
    return {lane: wanted[lane.setting] for lane, each in found.items() if lane.setting in wanted and _is_open(each)}
