"""Results as tables: mean ± standard deviation, one column per density.

A row is a criterion with a growth and a value of every further setting that varies.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev
from typing import Literal

from tabulate import tabulate

from benchmark.experiments.cells import Cell, Value
from benchmark.experiments.experiment import Experiment, axis_name
from benchmark.system import markdown
from benchmark.verdicts.study import Study
from criteria.rules import Resurrection

Format = Literal["simple", "github"]
METRICS = {
    "test_accuracy_best": "test accuracy of the checkpoint with the best validation accuracy",
    "test_accuracy_last": "test accuracy after the last epoch",
}
RULES = {
    "forbid": "contract (resurrection forbidden)",
    "allow": "authors (resurrection allowed)",
    "restart": "restart (resurrection from zero)",
}
MARK = "¹"
FOOTNOTE = f"{MARK} trained with --no-contract: nothing shows that this criterion keeps the contract"
DIVERGED_MARK = "²"


def results_table(study: Study, form: Format = "simple") -> str:
    """The table as text (``simple``) or Markdown (``github``), under a line that says how to read it."""
    words = [said(line, form) for line in footnotes(study)]
    return "\n\n".join([said(heading(study.experiment), form), shaped(*results_rows(study), form), *words]) + "\n"


def shaped(headers: Sequence[str], rows: Sequence[Sequence[str]], form: Format) -> str:
    """A table as text or Markdown."""
    if form == "github":
        return markdown.table(headers, rows)
    return tabulate(rows, headers, tablefmt=form, disable_numparse=True)


def further_settings(extra: Sequence[tuple[str, Value]]) -> str:
    """Further axes in one field of a file: ``update_period=25; width=2``."""
    return "; ".join(f"{name}={value}" for name, value in extra)


def said(text: str, form: Format) -> str:
    """Words that may have names in them, line by line, as they stand in text or Markdown."""
    return "\n".join(map(markdown.escaped, text.split("\n"))) if form == "github" else text


def footnotes(study: Study) -> list[str]:
    """What the marks in the table mean, as far as it has some, and what its cells do not have in common."""
    cells = ", ".join(
        f"{cell} ({count} of {len(study.by_cell[cell])})" for cell, count in study.diverged_by_cell.items()
    )
    diverged = f"{DIVERGED_MARK} diverged, so these are no results of a training that worked: {cells}"
    uneven = f"not every cell has as many seeds: {study.uneven}"
    marks = [*([FOOTNOTE] if study.unproven else []), *([diverged] if cells else [])]
    return [*marks, *([uneven] if study.uneven else [])]


def results_rows(study: Study) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the table; a text is empty if the experiment has no such cell."""
    densities = sorted({cell.density for cell in study.cells})
    axes = [axis_name(key) for key in study.experiment.axes.settings]
    rows: dict[tuple[str, ...], dict[float, str]] = {}
    for cell in study.cells:
        further = (str(dict(cell.extra).get(axis, "–")) for axis in axes)
        label = (cell.criterion, cell.growth or "–", *further)
        rows.setdefault(label, {})[cell.density] = _shown(cell, study)
    headers = ["criterion", "growth", *axes, *(f"density {density:g}" for density in densities)]
    return headers, [[*label, *(row.get(density, "") for density in densities)] for label, row in rows.items()]


def results_csv(study: Study) -> str:
    """One line per run: its cell, its seed, the metric in percent, and whether it skipped the contract and diverged."""
    experiment = study.experiment
    header = [*cell_columns(experiment), "seed", experiment.metric, "contract_skipped", "diverged"]
    rows = (
        [
            *cell_values(experiment, run.cell),
            run.seed,
            getattr(result.outcome, experiment.metric),
            int(result.contract_skipped),
            int(result.outcome.diverged),
        ]
        for run, result in study.results
    )
    return csv_text(header, rows)


def cell_columns(experiment: Experiment) -> list[str]:
    """The first columns of every CSV file, which tell a cell from others, so that files can be joined by them."""
    return ["criterion", "growth", "density", *(axis_name(key) for key in experiment.axes.settings)]


def cell_values(experiment: Experiment, cell: Cell) -> list[Value | None]:
    """The values of a cell in :func:`cell_columns`; None if a setting does not concern it."""
    known = {"criterion": cell.criterion, "growth": cell.growth, "density": cell.density, **dict(cell.extra)}
    return [known.get(column) for column in cell_columns(experiment)]


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV; a value that is None is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def heading(experiment: Experiment) -> str:
    """The text above a table: title, metric, and the rule that growth followed."""
    return (
        f"{experiment.name}: {experiment.title}\n"
        f"{METRICS[experiment.metric]} in percent,\n"
        f"mean ± standard deviation over seeds · rule: {rule_of(experiment)}"
    )


def rule_of(experiment: Experiment) -> str:
    """The rule of what growth may bring back, in words; all of its values if it varies."""
    return ", ".join(RULES[each] for each in resurrections(experiment))


def resurrections(experiment: Experiment) -> list[Resurrection]:
    """The values of the setting ``resurrection`` that an experiment's setups have."""
    return list(dict.fromkeys(setup.topology.resurrection for _, setup in experiment.setups))


def _shown(cell: Cell, study: Study) -> str:
    values = list(study.samples.get(cell, {}).values())
    mark = MARK * (cell in study.unproven) + DIVERGED_MARK * (cell in study.diverged_by_cell)
    if not values:
        return "missing"
    if len(values) == 1:
        return f"{values[0]:.2f} (1 seed){mark}"
    return f"{fmean(values):.2f} ± {stdev(values):.2f}{mark}"
