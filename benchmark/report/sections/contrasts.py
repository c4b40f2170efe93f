"""The section on what single changes do: in words, as a figure, as tables and as numbers."""

from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.report.contrast import (
    OVERALL,
    contrast_csv,
    contrast_rows,
    contrast_sentences,
    contrast_table,
    span_of,
)
from benchmark.report.findings import Findings
from benchmark.report.section import File, Image, Section, Table, embedded, figure_files
from benchmark.verdicts.contrasts import Contrast
from benchmark.verdicts.statistics.confidence import CONFIDENCE


@dataclass(frozen=True)
class ShownContrast:
    """A contrast as the page shows it."""

    contrast: Contrast
    sentences: list[str]
    image: Image
    table: Table


def _reading(contrast: Contrast) -> str:
    span = span_of(contrast)
    return (
        f"Difference in points, mean ± half its {CONFIDENCE:.0%} interval. “{OVERALL}” is the mean of a row "
        f"{span[0].lower()}{span[1:]}; the differences of a seed are averaged first. "
        "A place is empty where the experiments have no such cell."
    )


def _values(findings: Findings) -> dict[str, object]:
    return {
        "contrasts": [
            ShownContrast(
                contrast,
                contrast_sentences(contrast),
                embedded(findings, plot),
                Table(*contrast_rows(contrast), _reading(contrast)),
            )
            for contrast, plot in zip(findings.contrasts, findings.contrast_plots, strict=True)
        ]
    }


def _files(findings: Findings) -> Iterable[File]:
    for contrast, plot in zip(findings.contrasts, findings.contrast_plots, strict=True):
        yield f"{contrast.name}.txt", contrast_table(contrast)
        yield f"{contrast.name}.md", contrast_table(contrast, "github")
        yield f"{contrast.name}.csv", contrast_csv(findings.study.experiment, contrast)
        yield from figure_files(findings, plot)


SECTION = Section(
    "contrasts",
    "What one change does",
    _values,
    wants=lambda findings: bool(findings.contrasts),
    files=_files,
)
