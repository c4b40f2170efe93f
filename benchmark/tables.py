"""Results as tables: one row per criterion and growth, one column per density, mean ± standard deviation."""

import csv
import io
import statistics
from collections.abc import Mapping
from typing import Literal

from tabulate import tabulate

from benchmark.cells import Cell, Samples
from benchmark.experiment import Experiment
from benchmark.grid import cells

Format = Literal["simple", "github"]


def results_table(experiment: Experiment, samples: Samples, form: Format = "simple") -> str:
    """The table as text (``simple``) or Markdown (``github``), under a line that says how to read it."""
    grid = list(cells(experiment))
    densities = sorted({cell.density for cell in grid})
    rows: dict[tuple[str, str], dict[float, str]] = {}
    for cell in grid:
        rows.setdefault((cell.criterion, cell.growth or "–"), {})[cell.density] = _mean_and_spread(cell, samples)
    body = [[*label, *(row.get(density, "") for density in densities)] for label, row in rows.items()]
    headers = ["criterion", "growth", *(f"density {density:g}" for density in densities)]
    return f"{heading(experiment)}\n\n{tabulate(body, headers, tablefmt=form, disable_numparse=True)}\n"


def results_csv(experiment: Experiment, samples: Samples) -> str:
    """One line per run: criterion, growth, density, seed, metric in percent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["criterion", "growth", "density", "seed", experiment.metric])
    for cell in cells(experiment):
        for seed, value in sorted(samples.get(cell, {}).items()):
            writer.writerow([cell.criterion, cell.growth or "", cell.density, seed, value])
    return text.getvalue()


def heading(experiment: Experiment) -> str:
    """What a table shows: title, metric, and the rule that growth followed."""
    metric = experiment.metric.replace("_", " ")
    rule = {"forbid": "contract (resurrection forbidden)", "allow": "authors (resurrection allowed)"}
    return (
        f"{experiment.name}: {experiment.title}\n"
        f"{metric} in percent, mean ± standard deviation over seeds · rule: {rule[experiment.topology.resurrection]}"
    )


def _mean_and_spread(cell: Cell, samples: Mapping[Cell, Mapping[int, float]]) -> str:
    values = list(samples.get(cell, {}).values())
    if not values:
        return "missing"
    if len(values) == 1:
        return f"{values[0]:.2f} (1 seed)"
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"
