"""The section of methods that choose their own parameters: what was chosen, where the method stands, and the cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark.experiments.search import Search, Tuning
from benchmark.report.findings import Findings
from benchmark.report.section import File, Section, Table
from benchmark.report.tables import csv_text, further_settings
from benchmark.verdicts.contenders import Setting
from benchmark.verdicts.newcomers import sentences
from benchmark.verdicts.tuning import HEADERS, Choice, choice_row, cost_words, standing_of_search, tuned
from criteria.errors import InputError

READING = (
    "Chosen in each setting by the mean validation accuracy over seeds. Validation and test accuracy in percent are of "
    "what was chosen; trainings are those of the whole search, and the last column is its training FLOPs as a multiple "
    "of those of what was chosen."
)
COLUMNS = ("method", "growth", "density", "further_settings", "candidate", "validation", "chosen")


@dataclass(frozen=True)
class Told:
    """A search as the page tells it."""

    name: str
    table: Table
    cost: str
    standing: Sequence[str]
    """A sentence for each setting, in which the method has its choice in place of all its candidates."""


def _choices(findings: Findings, search: Search) -> list[Choice]:
    """What a search chose; nothing while some of its candidates have no result."""
    try:
        return tuned(search, findings.study.results, findings.study.experiment.metric)
    except InputError:
        return []


def _told(findings: Findings, tuning: Tuning) -> Told | None:
    search, study = tuning.search, findings.study
    choices = _choices(findings, search)
    if not choices:
        return None
    own = standing_of_search(search, choices, study)
    cost = f"{cost_words(choices)} Its budget is {tuning.budget} trainings."
    table = Table(HEADERS, list(map(choice_row, choices)), READING, left=3)
    return Told(search.name, table, cost, list(sentences(own)) if own else [])


def _values(findings: Findings) -> dict[str, object]:
    told = [(tuning.search.name, _told(findings, tuning)) for tuning in findings.study.experiment.tuning]
    return {
        "searches": [each for _, each in told if each is not None],
        "unfinished": [name for name, each in told if each is None],
    }


def _files(findings: Findings) -> Iterable[File]:
    rows = [
        (tuning.search.name, *_place(each.setting), name, validation, int(name == each.chosen))
        for tuning in findings.study.experiment.tuning
        for each in _choices(findings, tuning.search)
        for name, validation in each.validation.items()
    ]
    if rows:
        yield "tuning.csv", csv_text(COLUMNS, rows)


def _place(setting: Setting) -> tuple[object, ...]:
    return setting.growth, setting.density, further_settings(setting.extra)


SECTION = Section(
    "tuning",
    "Methods that choose their own parameters",
    _values,
    wants=lambda findings: bool(findings.study.experiment.tuning),
    files=_files,
)
