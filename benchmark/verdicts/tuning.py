"""A method that chooses its own parameters: by validation accuracy alone, and with what the search costs.

What chooses is given validation accuracies and nothing else, so a test accuracy cannot decide.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmark.experiments.cells import Cell
from benchmark.experiments.results import Result, Results, samples
from benchmark.experiments.search import Search
from benchmark.verdicts.contenders import Setting
from benchmark.verdicts.expected import as_stored
from benchmark.verdicts.newcomers import of_criteria, standing_among
from benchmark.verdicts.remarks import Noted, Runs
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.standing import REFERENCE, Standing
from benchmark.verdicts.study import Study
from criteria.errors import InputError

HEADERS = ("growth", "density", "chosen", "validation", "test", "trainings", "FLOPs of one")


@dataclass(frozen=True)
class Choice:
    """What a search chose in one setting, and what it cost."""

    setting: Setting
    chosen: str
    validation: Mapping[str, float]
    """Mean validation accuracy in percent of each candidate, at each run's best epoch."""
    test: Mapping[int, float]
    """Metric in percent of what was chosen, by seed; it was looked up after the choice."""
    diverged: tuple[int, ...]
    """Seeds with which what was chosen diverged."""
    runs: int
    """Trainings of the whole search."""
    times: float | None
    """Training FLOPs of the search, as a multiple of those of what was chosen; None if some were not measured."""


def tuned(search: Search, results: Results, metric: str) -> list[Choice]:
    """The choice of a search in each setting, from the results of all its candidates.

    Raises :class:`InputError` where a candidate lacks a seed that another one has: the more seeds a candidate has, the
    surer it would be judged.
    """
    groups: dict[Setting, dict[str, dict[int, Result]]] = {}
    wanted = [str(spec) for spec in search.candidates]
    for run, result in results:
        cell = run.cell
        if cell.criterion in wanted and cell.growth is not None:
            setting = Setting(cell.growth, cell.density, cell.extra)
            groups.setdefault(setting, {}).setdefault(cell.criterion, {})[run.seed] = result
    measured = samples(results, metric)
    found = []
    for setting, candidates in groups.items():
        if candidates.keys() != set(wanted) or len({frozenset(each) for each in candidates.values()}) > 1:
            raise InputError(f"{search.name}: some of its {len(wanted)} candidates lack results; run them all")
        validation = {
            name: [each.outcome.best_validation_accuracy for each in candidates[name].values()] for name in wanted
        }
        chosen = choose(validation)
        found.append(
            Choice(
                setting,
                chosen,
                {name: fmean(values) for name, values in validation.items()},
                measured[_cell(chosen, setting)],
                tuple(sorted(seed for seed, each in candidates[chosen].items() if each.outcome.diverged)),
                sum(map(len, candidates.values())),
                _times(candidates, chosen),
            )
        )
    return found


def choice_row(each: Choice) -> tuple[str, ...]:
    """A choice as the texts of a table, under :data:`HEADERS`, its accuracies in percent."""
    return (
        f"{each.setting.growth}{each.setting.further_words}",
        f"{each.setting.density:g}",
        f"{each.chosen} (diverged with seeds {', '.join(map(str, each.diverged))})" if each.diverged else each.chosen,
        f"{each.validation[each.chosen]:.2f}",
        f"{fmean(each.test.values()):.2f}",
        str(each.runs),
        "?" if each.times is None else f"{each.times:.1f} times",
    )


def cost_words(choices: Sequence[Choice]) -> str:
    """What the search took, and what decided, in a sentence."""
    return f"The search took {sum(each.runs for each in choices)} trainings; no test accuracy decided anything."


def choose(validation: Mapping[str, Sequence[float]]) -> str:
    """The candidate with the highest mean validation accuracy; of equals the first of the grid."""
    return max(validation, key=lambda name: fmean(validation[name]))


def as_contender(search: Search, choices: Sequence[Choice], known: Samples, reference: str = REFERENCE) -> Samples:
    """All that is known of other criteria, and the search as one criterion in place of its candidates.

    A candidate that is the ``reference`` stays: whether choosing gains something over it is then what is asked. The
    search's results are rounded as stored ones are, so that equal results are equal.
    """
    tried = {str(spec) for spec in search.candidates} - {reference}
    kept = {cell: values for cell, values in known.items() if cell.criterion not in tried}
    return {**kept, **{_cell(search.name, each.setting): as_stored(each.test) for each in choices}}


def noted_of(search: Search, choices: Sequence[Choice], noted: Noted) -> Noted:
    """What is noted of runs, where those of what was chosen have the cell that :func:`as_contender` gives them, too."""
    names = {_cell(each.chosen, each.setting): _cell(search.name, each.setting) for each in choices}

    def of(runs: Runs) -> Runs:
        return [*runs, *((names[cell], seed) for cell, seed in runs if cell in names)]

    return Noted(of(noted.diverged), of(noted.untouched), of(noted.unproven))


def standing_of_search(
    search: Search, choices: Sequence[Choice], study: Study, reference: str = REFERENCE
) -> Standing | None:
    """The rows of a search among all that is known of its experiment; None where there is too little to compare."""
    known, noted = as_contender(search, choices, study.known, reference), noted_of(search, choices, study.noted)
    found = standing_among(known, study.experiment.name, reference, noted=noted, chance=study.chance)
    return of_criteria(found, [search.name]) if found else None


def _cell(criterion: str, setting: Setting) -> Cell:
    return Cell(criterion, setting.growth, setting.density or 1.0, setting.extra)


def _times(candidates: Mapping[str, Mapping[int, Result]], chosen: str) -> float | None:
    costs = {
        name: [each.outcome.measured.flops.training for each in by_seed.values() if each.outcome.measured]
        for name, by_seed in candidates.items()
    }
    if any(len(costs[name]) < len(candidates[name]) for name in candidates) or not sum(costs[chosen]):
        return None
    return sum(map(sum, costs.values())) / sum(costs[chosen])
