"""The section on what the topology did and what it cost: weights ever active and FLOPs, as tables."""

from collections.abc import Callable, Iterable
from statistics import fmean, stdev

from benchmark.experiments.cells import Cell
from benchmark.experiments.outcome import Measured
from benchmark.report.findings import Findings
from benchmark.report.numbers import SHORT
from benchmark.report.section import File, Section, Table
from benchmark.report.tables import Format, cell_columns, cell_values, csv_text, said, shaped
from benchmark.system.quantity import quantity
from benchmark.verdicts.study import Study

HEADERS = ["criterion", "growth", "density", "ever active", "training FLOPs", "of dense", "inference FLOPs", "of dense"]
READING = (
    "Ever active: the share of weights that were active at some time. FLOPs are what sparse training needs if zeros "
    "cost nothing (Evci et al., 2020): of a whole training, dense gradients for growth included, and of one example "
    "at its end (k, M, G, T, P, E: 10^3, 10^6 … 10^18). Mean ± standard deviation over seeds."
)


def measurement_rows(study: Study) -> list[list[str]]:
    """A row for each cell with something measured, under :data:`HEADERS`; empty if an older version trained all."""
    found: dict[Cell, list[Measured]] = {}
    for run, result in study.results:
        if result.outcome.measured is not None:
            found.setdefault(run.cell, []).append(result.outcome.measured)
    return [_row(cell, found[cell]) for cell in study.cells if cell in found]


def unmeasured(study: Study) -> str | None:
    """A sentence on the runs of which nothing was measured, or None if there are no such runs."""
    without = sum(result.outcome.measured is None for _, result in study.results)
    if not without:
        return None
    return (
        f"{without} of {quantity(len(study.results), 'run')} come from a version that measured nothing of this; "
        "--fresh trains them again."
    )


def measurements_table(study: Study, form: Format = "simple") -> str:
    """The table as text (``simple``) or Markdown (``github``), and how to read it."""
    table = shaped(HEADERS, measurement_rows(study), form)
    note = unmeasured(study)
    heading = f"{study.experiment.name}: {study.experiment.title}"
    return "\n\n".join([said(heading, form), table, READING, *([note] if note else [])]) + "\n"


def layers_csv(study: Study) -> str:
    """One line per run and layer: its weights, its density at the start and at the end, how many were ever active."""
    own = ["seed", "layer", "weights", "density_start", "density_end", "ever_active"]
    rows = []
    for run, result in study.results:
        measured = result.outcome.measured
        if measured is None:
            continue
        where = [*cell_values(study.experiment, run.cell), run.seed]
        for name, weights in measured.weights.items():
            end = result.outcome.density[name]
            start = measured.density_by_epoch.get(name, [end])[0]
            rows.append([*where, name, weights, start, end, measured.ever_active[name]])
    return csv_text([*cell_columns(study.experiment), *own], rows)


def measurements_csv(study: Study) -> str:
    """One line per run: weights ever active and FLOPs, with those of the dense network."""
    kinds = ("training", "training_dense", "inference", "inference_dense")
    rows = [
        [
            *cell_values(study.experiment, run.cell),
            run.seed,
            measured.ever_active_of_all,
            *(getattr(measured.flops, kind) for kind in kinds),
        ]
        for run, result in study.results
        if (measured := result.outcome.measured) is not None
    ]
    return csv_text(
        [*cell_columns(study.experiment), "seed", "ever_active", *(f"{kind}_flops" for kind in kinds)], rows
    )


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


def _files(findings: Findings) -> Iterable[File]:
    study = findings.study
    if any(result.outcome.measured for _, result in study.results):
        yield "measurements.txt", measurements_table(study)
        yield "measurements.md", measurements_table(study, "github")
        yield "measurements.csv", measurements_csv(study)
        yield "layers.csv", layers_csv(study)


SECTION = Section(
    "measurements",
    "What the topology did and what it cost",
    values=lambda findings: {
        "table": Table(HEADERS, measurement_rows(findings.study), READING),
        "unmeasured": unmeasured(findings.study),
    },
    files=_files,
)
