"""The section on what criteria would prune alike: the Jaccard index of each pair, as a table and as numbers."""

from collections.abc import Iterable
from statistics import fmean, stdev

from benchmark.experiments.outcome import ALL_LAYERS
from benchmark.report.figures.jaccard import MEANING
from benchmark.report.findings import Findings
from benchmark.report.overlaps import cells_of, indices
from benchmark.report.section import File, Section, Table
from benchmark.report.tables import Format, cell_columns, cell_values, csv_text, said, shaped
from benchmark.verdicts.study import Study


def jaccard_rows(study: Study) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of a table: a row for each pair in each cell, columns for its first and last comparison."""
    found = indices(study)
    rows: dict[tuple[str, str, str], dict[str, str]] = {}
    columns: dict[str, None] = {}
    once = len({moment.step for moment in found}) == 1
    for cell in cells_of(found):
        moments = [moment for moment in found if moment.cell == cell]
        ends = {min(moment.step for moment in moments), max(moment.step for moment in moments)}
        for moment in moments:
            if moment.step not in ends:
                continue
            column = f"fraction {moment.fraction:.3g}"
            column = column if once else f"step {moment.step}, {column}"
            columns[column] = None
            for (one, other), values in found[moment].items():
                row = rows.setdefault((cell.label, f"{cell.density:g}", f"{one}, {other}"), {})
                row[column] = f"{fmean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")
    headers = ["trained with", "density", "pair", *columns]
    return headers, [[*key, *(row.get(name, "") for name in columns)] for key, row in rows.items()]


def jaccard_table(study: Study, form: Format = "simple") -> str:
    """The table as text (``simple``) or Markdown (``github``), under a line that says how to read it."""
    reading = (
        f"{study.experiment.name}: Jaccard index of what two criteria would prune, over all layers,\n"
        "mean ± standard deviation over seeds, at the first and the last comparison of a training"
    )
    return f"{said(reading, form)}\n\n{shaped(*jaccard_rows(study), form)}\n"


def jaccard_csv(study: Study) -> str:
    """One line per cell, comparison, layer (or all) and pair: mean, standard deviation and number of seeds."""
    own = ["step", "prune_fraction", "layer", "one", "other", "mean", "std", "n"]
    rows = []
    layers = next((r.outcome.measured.weights for _, r in study.results if r.outcome.measured is not None), {})
    for layer in (ALL_LAYERS, *layers):
        for moment, pairs in indices(study, layer).items():
            place = [*cell_values(study.experiment, moment.cell), moment.step, moment.fraction, layer]
            for pair, values in pairs.items():
                spread = stdev(values) if len(values) > 1 else None
                rows.append([*place, *pair, fmean(values), spread, len(values)])
    return csv_text([*cell_columns(study.experiment), *own], rows)


def _files(findings: Findings) -> Iterable[File]:
    yield "jaccard.txt", jaccard_table(findings.study)
    yield "jaccard.md", jaccard_table(findings.study, "github")
    yield "jaccard.csv", jaccard_csv(findings.study)


SECTION = Section(
    "overlap",
    "What criteria would prune alike",
    values=lambda findings: {"table": Table(*jaccard_rows(findings.study), MEANING, left=3)},
    wants=lambda findings: bool(indices(findings.study)),
    files=_files,
)
