"""What the topology did and what it cost: weights ever active and FLOPs, as tables."""

from collections.abc import Callable
from statistics import fmean, stdev

from matplotlib.ticker import EngFormatter
from tabulate import tabulate

from benchmark.experiments.cells import Cell
from benchmark.experiments.experiment import Experiment
from benchmark.experiments.results import Results
from benchmark.experiments.runs import cells
from benchmark.report.tables import Format, cell_columns, cell_values, csv_text
from benchmark.training.measurements.measuring import Measured

HEADERS = ["criterion", "growth", "density", "ever active", "training FLOPs", "of dense", "inference FLOPs", "of dense"]
SHORT = EngFormatter(places=1, sep=" ")
"""A large number with a prefix: k, M, G, T, P, E."""
READING = (
    "Ever active: the share of weights that were active at some time. FLOPs are what sparse training needs if zeros "
    "cost nothing (Evci et al., 2020): of a whole training, dense gradients for growth included, and of one example "
    "at its end (k, M, G, T, P, E: 10^3, 10^6 … 10^18). Mean ± standard deviation over seeds."
)


def measurement_rows(experiment: Experiment, results: Results) -> list[list[str]]:
    """A row for each cell with something measured, under :data:`HEADERS`; empty where an older version trained all."""
    found: dict[Cell, list[Measured]] = {}
    for run, result in results:
        if result.outcome.measured is not None:
            found.setdefault(run.cell, []).append(result.outcome.measured)
    return [_row(cell, found[cell]) for cell in cells(experiment) if cell in found]


def unmeasured(results: Results) -> str | None:
    """A sentence on the runs of which nothing was measured, or None where there are none."""
    without = sum(result.outcome.measured is None for _, result in results)
    if not without:
        return None
    return (
        f"{without} of {len(results)} runs are of a version that measured nothing of this; --fresh trains them again."
    )


def measurements_table(experiment: Experiment, results: Results, form: Format = "simple") -> str:
    """The table as text (``simple``) or Markdown (``github``), and how to read it."""
    table = tabulate(measurement_rows(experiment, results), HEADERS, tablefmt=form, disable_numparse=True)
    note = unmeasured(results)
    return "\n\n".join([f"{experiment.name}: {experiment.title}", table, READING, *([note] if note else [])]) + "\n"


def layers_csv(experiment: Experiment, results: Results) -> str:
    """One line per run and layer: its weights, its density at the start and at the end, how many were ever active."""
    own = ["seed", "layer", "weights", "density_start", "density_end", "ever_active"]
    rows = []
    for run, result in results:
        measured = result.outcome.measured
        if measured is None:
            continue
        where = [*cell_values(experiment, run.cell), run.seed]
        for name, weights in measured.weights.items():
            end = result.outcome.density[name]
            start = measured.density_by_epoch.get(name, [end])[0]
            rows.append([*where, name, weights, start, end, measured.ever_active[name]])
    return csv_text([*cell_columns(experiment), *own], rows)


def measurements_csv(experiment: Experiment, results: Results) -> str:
    """One line per run: weights ever active and FLOPs, with those of the dense network."""
    kinds = ("training", "training_dense", "inference", "inference_dense")
    rows = [
        [
            *cell_values(experiment, run.cell),
            run.seed,
            measured.ever_active_of_all,
            *(getattr(measured.flops, kind) for kind in kinds),
        ]
        for run, result in results
        if (measured := result.outcome.measured) is not None
    ]
    return csv_text([*cell_columns(experiment), "seed", "ever_active", *(f"{kind}_flops" for kind in kinds)], rows)


def _row(cell: Cell, measured: list[Measured]) -> list[str]:
    def mean(value: Callable[[Measured], float]) -> float:
        return fmean(map(value, measured))

    ever = [100 * each.ever_active_of_all for each in measured]
    spread = f" ± {stdev(ever):.1f}" if len(ever) > 1 else ""
    return [
        cell.criterion,
        " · ".join([cell.growth or "–", *(f"{name}={value}" for name, value in cell.extra)]),
        f"{cell.density:g}",
        f"{fmean(ever):.1f}{spread}%",
        SHORT(mean(lambda m: m.flops.training)),
        f"{mean(lambda m: m.flops.training / m.flops.training_dense):.3f}",
        SHORT(mean(lambda m: m.flops.inference)),
        f"{mean(lambda m: m.flops.inference / m.flops.inference_dense):.3f}",
    ]
