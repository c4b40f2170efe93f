"""A study: an experiment with its results and its expected values, which are read and validated once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Protocol

from benchmark.data import source_of
from benchmark.experiments.cells import Cell
from benchmark.experiments.cost import steps_per_epoch
from benchmark.experiments.damaged import told_together
from benchmark.experiments.experiment import Experiment
from benchmark.experiments.part import Part
from benchmark.experiments.results import Result, Results, samples
from benchmark.experiments.runs import Run, cells, expand
from benchmark.experiments.setup import ENGINE_NAMES
from benchmark.system.quantity import quantity
from benchmark.verdicts.expected import MEASURED, Expected, as_stored
from benchmark.verdicts.remarks import Noted
from benchmark.verdicts.samples import Samples
from criteria.errors import InputError


@dataclass(frozen=True)
class Study:
    """An experiment with its results and, if some are stored, its expected values.

    Checks, reports, contrasts and accepted values are all made from one study. Raises :class:`InputError` if the
    expected values are of another metric than the experiment.
    """

    experiment: Experiment
    results: Results
    """The runs that have a result, each as it was trained: ``run.setup.engine`` is the engine that computed it."""
    expected: Expected | None = None
    """Those of the part that was asked for."""
    stored: Expected | None = None
    """All expected values of the experiment, where it is as it was written: what a criterion of one's own, alone, is
    compared with."""
    is_stored: bool = False
    """Whether the results are those that our own expected values were made of, so that the two cannot differ."""
    changed: tuple[str, ...] = ()
    """Settings of which the results have another value than the experiment as written, as in ``training.epochs=2``."""
    doubts: tuple[str, ...] = ()
    """What the runs that are kept beside the expected values say against these, a line for each."""

    def __post_init__(self) -> None:
        if self.expected is not None and self.expected.metric != self.experiment.metric:
            raise InputError(
                f"the expected values of {self.experiment.name} are of {self.expected.metric}, but the experiment's "
                f"metric is {self.experiment.metric}; check with the expected values of that metric"
            )

    def require_results(self, where: str | Path) -> None:
        """Raise :class:`InputError` if nothing that is asked for has a result; ``where`` is the place that was read."""
        if not self.results:
            raise InputError(
                f"{self.experiment.name} has no results in {where} of what is asked for; "
                "run it first, or choose by --criteria what was run"
            )

    @cached_property
    def cells(self) -> list[Cell]:
        """All cells of the experiment, with or without results, in the order of its tables."""
        return cells(self.experiment)

    @property
    def chance(self) -> float:
        """The accuracy in percent of a constant answer, where the classes of the data have as many examples each."""
        return 100 / source_of(self.experiment.data).look.classes

    @cached_property
    def samples(self) -> Samples:
        """The experiment's metric in percent of each result, by cell and seed."""
        return samples(self.results, self.experiment.metric)

    @cached_property
    def known(self) -> Samples:
        """The samples and, for runs that have no result, our own stored values.

        These are of the seeds and settings (growth, density, further axes) that were asked for, and of all baselines.
        All are rounded as stored ones are, so that equal results are equal.
        """
        found = {cell: as_stored(values) for cell, values in self.samples.items() if values}
        settings = {(cell.growth, cell.density, cell.extra) for cell in self.cells}
        for each in self.stored.cells if self.stored else ():
            place = (each.cell.growth, each.cell.density, each.cell.extra)
            known = each.estimates[MEASURED].values if MEASURED in each.estimates else {}
            values = {seed: value for seed, value in known.items() if seed in self.experiment.axes.seeds}
            if values and (place in settings or each.cell.growth is None):
                found[each.cell] = values | found.get(each.cell, {})
        return found

    @cached_property
    def newcomers(self) -> list[str]:
        """The criteria that have results here and of which the experiment stores nothing; none where it has no values.

        They are somebody's own, so the paper's claims do not speak of them, and the page begins with them.
        """
        stored = {each.cell.criterion for each in self.stored.cells} if self.stored else None
        ran = dict.fromkeys(cell.criterion for cell in self.by_cell if cell.growth is not None)
        return [] if stored is None else [name for name in ran if name not in stored]

    @cached_property
    def claimed(self) -> Samples:
        """The samples that claims are judged by: all but those of newcomers."""
        return {cell: values for cell, values in self.samples.items() if cell.criterion not in self.newcomers}

    @cached_property
    def by_cell(self) -> dict[Cell, list[Result]]:
        """The results of each cell that has some, in the order of the experiment's tables."""
        found: dict[Cell, list[Result]] = {cell: [] for cell in self.cells}
        for run, result in self.results:
            found.setdefault(run.cell, []).append(result)
        return {cell: results for cell, results in found.items() if results}

    @cached_property
    def diverged(self) -> list[tuple[Cell, int]]:
        """The runs whose loss, weights or gradients stopped being finite; they count with the accuracy they have."""
        return sorted((run.cell, run.seed) for run, result in self.results if result.outcome.diverged)

    @cached_property
    def missing(self) -> list[tuple[Cell, int]]:
        """The runs that were asked for and have no result, though our own value with their seed is stored.

        Only those of cells that have other results: a cell without any is missing as a whole.
        """
        stored = self.expected.by_cell if self.expected else {}
        return sorted(
            (run.cell, run.seed)
            for run in expand(self.experiment)
            if run.cell in self.by_cell
            and run.seed not in self.samples[run.cell]
            and MEASURED in stored.get(run.cell, {})
            and run.seed in stored[run.cell][MEASURED].values
        )

    @cached_property
    def untouched(self) -> list[tuple[Cell, int]]:
        """The runs whose metric is that of a checkpoint from before the first topology update.

        A criterion that does harm may leave a network that never comes back to what it was.
        """
        if self.experiment.metric != "test_accuracy_best":
            return []
        return sorted((run.cell, run.seed) for run, result in self.results if _is_untouched(run, result))

    @cached_property
    def noted(self) -> Noted:
        """The runs that a reader must know of beside their accuracy."""
        unproven = [(run.cell, run.seed) for run, result in self.results if result.contract_skipped]
        return Noted(self.diverged, self.untouched, unproven)

    @cached_property
    def unproven(self) -> set[Cell]:
        """Cells with a run that was trained with ``--no-contract``: nothing shows that its criterion keeps it."""
        return {cell for cell, _ in self.noted.unproven}

    @cached_property
    def diverged_by_cell(self) -> dict[Cell, int]:
        """How many runs of each cell diverged, for the cells in which some did."""
        found = Counter(cell for cell, _ in self.diverged)
        return {cell: found[cell] for cell in self.cells if cell in found}

    @cached_property
    def uneven(self) -> str | None:
        """Which cells have how many seeds if that differs, such as ``5 seeds at density 0.05; 3 at density 0.1``."""
        counts = {cell: len(values) for cell, values in self.samples.items() if values}
        at = {n: sorted({cell.density for cell in counts if counts[cell] == n}) for n in sorted(counts.values())[::-1]}
        if len(at) < 2:
            return None
        if sum(map(len, at.values())) == len({cell.density for cell in counts}):
            where = [f"at density {', '.join(f'{density:g}' for density in at[n])}" for n in at]
        else:
            cells = Counter(counts.values())
            where = [f"in {quantity(cells[n], 'cell')}" for n in at]
        first, *others = (f"{n} {words}" for n, words in zip(at, where, strict=True))
        return "; ".join([first.replace(" ", " seeds ", 1), *others])

    @property
    def proofless(self) -> list[str]:
        """A line for each cell of ``unproven``."""
        return [f"{cell}: trained with --no-contract" for cell in sorted(self.unproven)]

    @property
    def cautions(self) -> list[str]:
        """What a reader should know of cells before trusting their numbers, a line for each."""
        return self.proofless + [
            f"{cell}: {count} of {quantity(len(self.by_cell[cell]), 'run')} diverged"
            for cell, count in sorted(self.diverged_by_cell.items())
        ]


class HasResults(Protocol):
    """A folder or an archive of results."""

    def read(self, run: Run) -> Result | None:
        """The result of a run, or None."""
        ...


def load_study(
    experiment: Experiment,
    place: HasResults,
    expected: Expected | None = None,
    *,
    stored: Expected | None = None,
    changed: Sequence[str] = (),
    doubts: Sequence[str] = (),
) -> Study:
    """The study of an experiment from the results that are stored in a place, each of which is read once.

    A run that has no result of its own engine is looked for under that of every other one, because engines
    give the same result up to rounding. Raises :class:`InputError` for a result that is damaged or of another run, and
    for expected values of another metric.
    """
    found: list[tuple[Run, Result]] = []
    with told_together() as damaged:
        for run in expand(experiment):
            with damaged.gathered():
                read = ((candidate, place.read(candidate)) for candidate in _on_each(run))
                there = ((candidate, result) for candidate, result in read if result is not None)
                found += islice(there, 1)
    return Study(experiment, tuple(found), expected, stored, changed=tuple(changed), doubts=tuple(doubts))


def filled(study: Study, others: Results) -> Study:
    """The study with those of other results that are of runs that it lacks, in the order of the experiment."""
    found = _by_run(others, study.results)
    wanted = ((run.cell, run.seed) for run in expand(study.experiment))
    return replace(study, results=tuple(found[each] for each in wanted if each in found))


def joined(study: Study, others: Results) -> Study:
    """The study with other results too, of whatever criteria, which count where both have a run."""
    return replace(study, results=tuple(_by_run(study.results, others).values()))


def _by_run(*several: Results) -> dict[tuple[Cell, int], tuple[Run, Result]]:
    """Each run with its result, by cell and seed; of those that several have, that of the last."""
    return {(run.cell, run.seed): (run, result) for results in several for run, result in results}


def _on_each(run: Run) -> Iterator[Run]:
    yield run
    for engine in ENGINE_NAMES:
        if engine != run.setup.engine:
            yield run.on(engine)


def narrowed(expected: Expected, experiment: Experiment, part: Part) -> Expected:
    """The expected values of the cells that were asked for, or all of them if no part was asked for.

    Stored verdicts on claims are about the whole experiment, so they are dropped with a part or a variation of it. If
    no part is asked for, a stored cell that is no longer in the experiment stays, because it has to show as missing.
    """
    if not part.narrows:
        return expected
    wanted = set(cells(experiment))
    kept = tuple(stored for stored in expected.cells if stored.cell in wanted)
    return expected.model_copy(update={"cells": kept, "claims": {}})


def _is_untouched(run: Run, result: Result) -> bool:
    """Whether the best checkpoint of a run is older than its first topology update."""
    best = result.outcome.best_epoch * steps_per_epoch(run.setup)
    return run.rule.growth is not None and best < run.setup.topology.update_period
