"""One HTML page with nothing to fetch: verdicts first, then figures, tables, claims, and where they come from."""

import base64
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmark.experiments.cells import Cell
from benchmark.experiments.experiment import Experiment
from benchmark.experiments.results import Results, samples
from benchmark.experiments.runs import cells
from benchmark.report.contrast import contrast_findings, contrast_plot, contrast_rows
from benchmark.report.jaccard import MEANING, jaccard_rows
from benchmark.report.look import DARK, LIGHT, Plot, Theme, image, signed
from benchmark.report.measurements import HEADERS as MEASUREMENTS
from benchmark.report.measurements import READING, measurement_rows, unmeasured
from benchmark.report.tables import FOOTNOTE, METRICS, results_rows, rule_of, unproven
from benchmark.running.progress import duration
from benchmark.verdicts.check import MEANINGS, CheckOutcome, Row, Verdict
from benchmark.verdicts.claims import ClaimOutcome
from benchmark.verdicts.contrasts import Contrast
from benchmark.verdicts.expected import Expected
from benchmark.verdicts.samples import Samples
from benchmark.verdicts.statistics.differences import Summary
from criteria.plugins import parse, summary

KINDS = {
    "measured": "our own earlier runs",
    "authors_code": "runs of the authors' code",
    "published": "published values",
}
REACH = 3.0
"""Tolerances on either side of 0 that the drawn intervals show."""


@dataclass(frozen=True)
class Image:
    """A figure inside the page, for light and for dark paper."""

    title: str
    caption: str
    light: str
    dark: str


@dataclass(frozen=True)
class ContrastSection:
    """What one change does: in words, as a figure, and as a table."""

    of: Contrast
    findings: list[str]
    image: Image
    headers: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Table:
    """A table that is there where it has rows, and how to read it."""

    headers: list[str]
    rows: list[list[str]]
    reading: str
    left: int
    """Columns of words, before those of numbers."""


@dataclass(frozen=True)
class Bar:
    """Where a difference and its interval are drawn, in percent of the width."""

    left: float
    width: float
    dot: float
    outside: bool
    """Whether the difference itself is beyond what is drawn."""


@dataclass(frozen=True)
class Standing:
    """How things stand at the lowest density of one growth that has results."""

    growth: str
    density: float
    best: tuple[str, float]
    worst: tuple[str, float]
    references: dict[str, float]


@dataclass(frozen=True)
class Cost:
    """What the runs took, a fleet's time divided among its members."""

    total: str
    each: str
    first: str
    last: str


def page(
    experiment: Experiment,
    results: Results,
    plots: Sequence[Plot],
    checked: tuple[CheckOutcome, Expected] | None,
    claims: Sequence[ClaimOutcome],
    contrasts: Sequence[Contrast] = (),
) -> str:
    """The page of an experiment with at least one result; sections without content are left out."""
    environment = Environment(
        loader=PackageLoader("benchmark.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"summary": _summary, "signed": signed, "points": _points, "setting": _setting}
    outcome, expected = checked or (None, None)
    grid, values = cells(experiment), samples(results)
    comparisons = _by_source(outcome) if outcome else {}
    headers, rows = results_rows(experiment, results)
    return environment.get_template("page.html.jinja").render(
        experiment=experiment,
        metric=METRICS[experiment.metric],
        rule=rule_of(experiment),
        runs=len(results),
        cells=len(grid),
        missing=[cell for cell in grid if cell not in values],
        seeds=sorted({run.seed for run, _ in results}),
        standings=_standings(grid, values),
        glossary=_glossary(experiment),
        outcome=outcome,
        counts={source: _counts(row for row, _ in compared) for source, compared in comparisons.items()},
        meanings={verdict: MEANINGS[verdict] for verdict in _counts(outcome.rows)} if outcome else {},
        kinds=KINDS,
        reach=f"{REACH:g}",
        comparisons=comparisons,
        expected=expected,
        images=[_image(plot) for plot in plots],
        contrasts=[_section(contrast) for contrast in contrasts],
        headers=headers,
        rows=rows,
        footnote=FOOTNOTE if unproven(results) else None,
        measurements=Table(MEASUREMENTS, measurement_rows(experiment, results), READING, left=2),
        unmeasured=unmeasured(results),
        overlaps=Table(*jaccard_rows(experiment, results), MEANING, left=3),
        claims=claims,
        environments=Counter(_setting(result.environment) for _, result in results),
        cost=_cost(results),
    )


def _image(plot: Plot) -> Image:
    return Image(plot.title, plot.caption, _embedded(plot, LIGHT), _embedded(plot, DARK))


def _section(contrast: Contrast) -> ContrastSection:
    headers, rows = contrast_rows(contrast)
    return ContrastSection(contrast, contrast_findings(contrast), _image(contrast_plot(contrast)), headers, rows)


def _embedded(plot: Plot, theme: Theme) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(image(plot.draw, 'svg', theme)).decode()}"


def _by_source(outcome: CheckOutcome) -> dict[str, list[tuple[Row, Bar | None]]]:
    """The comparisons with each source, and last, under an empty name, the cells without an expected value."""
    found: dict[str, list[tuple[Row, Bar | None]]] = {}
    for row in sorted(outcome.rows, key=lambda row: (row.source is None, row.source or "")):
        found.setdefault(row.source or "", []).append((row, _bar(row, outcome.tolerance)))
    return found


def _counts(rows: Iterable[Row]) -> dict[Verdict, int]:
    """Number of cells by verdict, best first."""
    counts = Counter(row.verdict for row in rows)
    return {verdict: counts[verdict] for verdict in MEANINGS if counts[verdict]}


def _bar(row: Row, tolerance: float) -> Bar | None:
    if row.difference is None or row.interval is None:
        return None

    def place(points: float) -> float:
        return round(50 + 50 * min(max(points / (REACH * tolerance), -1.0), 1.0), 2)

    low, high = map(place, row.interval)
    return Bar(low, round(high - low, 2), place(row.difference), abs(row.difference) > REACH * tolerance)


def _standings(grid: Sequence[Cell], values: Samples) -> list[Standing]:
    means = {cell: fmean(values[cell].values()) for cell in grid if values.get(cell)}
    found = []
    for growth in dict.fromkeys(cell.growth for cell in means if cell.growth is not None):
        density = min(cell.density for cell in means if cell.growth == growth)
        here = {cell: mean for cell, mean in means.items() if cell.growth == growth and cell.density == density}
        if len(here) < 2:
            continue
        ordered = sorted(((_name(cell), mean) for cell, mean in here.items()), key=lambda item: item[1])
        references = {_name(c): m for c, m in means.items() if c.growth is None and c.density in (density, 1.0)}
        found.append(Standing(growth, density, ordered[-1], ordered[0], references))
    return found


def _name(cell: Cell) -> str:
    """A criterion or baseline, with the further settings that it has."""
    further = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in cell.extra)
    return f"{cell.criterion} ({further})" if further else cell.criterion


def _glossary(experiment: Experiment) -> dict[str, tuple[str, dict[str, str]]]:
    """What the experiment's criteria, growths and baselines are for, and what each plugin among them is."""
    used = {
        "Criterion": ("criterion", "scores the active weights; the lowest scores are pruned", experiment.axes.criteria),
        "Growth": ("growth", "chooses as many of the candidates, weights that are not active", experiment.axes.growths),
        "Reference": ("baseline", "a network whose topology never changes", experiment.baselines),
    }
    return {
        title: (about, {parse(spec).name: summary(parse(spec).name, kind) for spec in specs})
        for title, (kind, about, specs) in used.items()
        if specs
    }


def _cost(results: Results) -> Cost:
    seconds = [result.time.fleet_seconds / result.time.fleet_size for _, result in results]
    finished = sorted(result.time.finished for _, result in results)
    return Cost(duration(sum(seconds)), duration(fmean(seconds)), finished[0], finished[-1])


def _summary(summary: Summary | None) -> str:
    if summary is None:
        return "–"
    return f"{summary.mean:.2f}" + ("" if summary.std is None else f" ± {summary.std:.2f}")


def _points(points: float) -> str:
    return f"{points:.2f}" if math.isfinite(points) else "?"


def _setting(value: Any) -> str:
    """A setting for reading: mappings and lists without their brackets."""
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_setting(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_setting, value))
    return str(value)
