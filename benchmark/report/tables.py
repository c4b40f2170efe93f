"""Results as tables: mean ± standard deviation, one column per density.

A row is a criterion with a growth and a value of every further setting that varies.
"""

import csv
import io
import statistics
from collections.abc import Iterable, Sequence
from typing import Literal

from tabulate import tabulate

from benchmark.experiments.cells import Cell, Value
from benchmark.experiments.experiment import Experiment, axis_name
from benchmark.experiments.results import Results, samples
from benchmark.experiments.runs import cells
from benchmark.verdicts.samples import Samples

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
FOOTNOTE = f"{MARK} trained with --no-contract: nothing says that this criterion keeps the contract"


def results_table(experiment: Experiment, results: Results, form: Format = "simple") -> str:
    """The table as text (``simple``) or Markdown (``github``), under a line that says how to read it."""
    headers, body = results_rows(experiment, results)
    table = tabulate(body, headers, tablefmt=form, disable_numparse=True)
    return "\n\n".join([heading(experiment), table, *([FOOTNOTE] if unproven(results) else [])]) + "\n"


def results_rows(experiment: Experiment, results: Results) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the table; empty where the experiment has no such cell."""
    values, marked = samples(results), unproven(results)
    grid = cells(experiment)
    densities = sorted({cell.density for cell in grid})
    axes = [axis_name(key) for key in experiment.axes.settings]
    rows: dict[tuple[str, ...], dict[float, str]] = {}
    for cell in grid:
        further = (str(dict(cell.extra).get(axis, "–")) for axis in axes)
        label = (cell.criterion, cell.growth or "–", *further)
        rows.setdefault(label, {})[cell.density] = _shown(cell, values, marked)
    headers = ["criterion", "growth", *axes, *(f"density {density:g}" for density in densities)]
    return headers, [[*label, *(row.get(density, "") for density in densities)] for label, row in rows.items()]


def results_csv(experiment: Experiment, results: Results) -> str:
    """One line per run: its cell, its seed, the metric in percent, and whether the contract was skipped."""
    header = [*cell_columns(experiment), "seed", experiment.metric, "contract_skipped"]
    rows = (
        [
            *cell_values(experiment, run.cell),
            run.seed,
            getattr(result.outcome, experiment.metric),
            int(result.contract_skipped),
        ]
        for run, result in results
    )
    return csv_text(header, rows)


def cell_columns(experiment: Experiment) -> list[str]:
    """The first columns of every CSV file, by which files are joined: what tells a cell from others."""
    return ["criterion", "growth", "density", *(axis_name(key) for key in experiment.axes.settings)]


def cell_values(experiment: Experiment, cell: Cell) -> list[Value | None]:
    """What a cell has in :func:`cell_columns`; None where a setting does not concern it."""
    known = {"criterion": cell.criterion, "growth": cell.growth, "density": cell.density, **dict(cell.extra)}
    return [known.get(column) for column in cell_columns(experiment)]


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV; what is None is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def heading(experiment: Experiment) -> str:
    """What a table shows: title, metric, and the rule that growth followed."""
    return (
        f"{experiment.name}: {experiment.title}\n"
        f"{METRICS[experiment.metric]} in percent,\n"
        f"mean ± standard deviation over seeds · rule: {rule_of(experiment)}"
    )


def rule_of(experiment: Experiment) -> str:
    """What growth may bring back, in words; all the rules where it varies."""
    return ", ".join(dict.fromkeys(RULES[fixed.topology.resurrection] for _, fixed in experiment.variants()))


def unproven(results: Results) -> set[Cell]:
    """Cells with a run that was trained with ``--no-contract``."""
    return {run.cell for run, result in results if result.contract_skipped}


def _shown(cell: Cell, samples: Samples, marked: set[Cell]) -> str:
    values = list(samples.get(cell, {}).values())
    mark = MARK if cell in marked else ""
    if not values:
        return "missing"
    if len(values) == 1:
        return f"{values[0]:.2f} (1 seed){mark}"
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}{mark}"
