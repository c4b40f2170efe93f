"""What one change does, in words, as a table, and as numbers."""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from benchmark.experiments.cells import Cell
from benchmark.experiments.experiment import Experiment
from benchmark.report.numbers import signed
from benchmark.report.tables import Format, cell_columns, cell_values, csv_text, said, shaped
from benchmark.verdicts.contrasts import Contender, Contrast
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.statistics.multiplicity import holm
from benchmark.verdicts.statistics.ordered import LEVEL
from benchmark.verdicts.statistics.paired import Mean

OVERALL = "all"
ALPHA = 1 - CONFIDENCE


def contrast_rows(contrast: Contrast) -> tuple[list[str], list[list[str]]]:
    """Headers and rows of the table: a row for each criterion with a growth, a column for each density.

    A text is empty where there is no such cell.
    """
    columns = shown_settings(contrast.cells)
    texts = {_place(cell): "missing" for cell in contrast.missing}
    texts |= {_place(cell): _shown(mean) for cell, mean in contrast.cells.items()}
    rows = [
        [who[0], who[1] or "–", *(texts.get((*who, column), "") for column in columns), _shown(overall)]
        for who, overall in contrast.overall.items()
    ]
    return ["criterion", "growth", *(f"density {column}" for column in columns), OVERALL], rows


def contrast_table(contrast: Contrast, form: Format = "simple") -> str:
    """The table as text (``simple``) or Markdown (``github``), under what it shows and above what was found."""
    headers, rows = contrast_rows(contrast)
    heading = (
        f"{contrast.first} against {contrast.second} ({'; '.join(contrast.changes)})\n"
        f"difference in points, mean ± half its {CONFIDENCE:.0%} interval, paired by seed"
    )
    words = " ".join(contrast_sentences(contrast))
    return "\n\n".join([said(heading, form), shaped(headers, rows, form), said(words, form)]) + "\n"


def contrast_csv(experiment: Experiment, contrast: Contrast) -> str:
    """One line per cell and, without a density, one per criterion with a growth; one seed has an interval without ends.

    ``experiment`` is the one that the contrast is within, or the first of the two.
    """
    columns = cell_columns(experiment)
    rows = [[*cell_values(experiment, cell), *_numbers(mean)] for cell, mean in contrast.cells.items()]
    blank = [None] * (len(columns) - 2)
    rows += [[criterion, growth, *blank, *_numbers(mean)] for (criterion, growth), mean in contrast.overall.items()]
    return csv_text([*columns, "seeds", "difference", "low", "high"], rows)


def contrast_sentences(contrast: Contrast) -> list[str]:
    """What the change does, in sentences, from the overall difference of each criterion with a growth."""
    overall = contrast.overall
    if not any(mean.dof for mean in overall.values()):
        return ["One seed in common: nothing can be told from chance."]
    lower = {who: mean for who, mean in overall.items() if mean.upper(LEVEL) < 0}
    higher = {who: mean for who, mean in overall.items() if mean.lower(LEVEL) > 0}
    rest = [mean for who, mean in overall.items() if who not in lower and who not in higher and mean.dof]
    found = [
        f"{span_of(contrast)} {contrast.first} is {word} {contrast.second} for {_listed(group)}."
        for word, group in (("below", lower), ("above", higher))
        if group
    ]
    if rest:
        reach = max(max(abs(mean.lower(LEVEL)), abs(mean.upper(LEVEL))) for mean in rest)
        found.append(
            f"For {len(rest)} of {len(overall)} no difference is told from chance; "
            f"with {CONFIDENCE:.0%} confidence each of them is less than {_next_above(reach)} points."
        )
    if alone := sum(not mean.dof for mean in overall.values()):
        found.append(f"For {alone} of {len(overall)} there is one seed in common, which tells nothing.")
    if told := len(lower) + len(higher):
        adjusted = holm(np.array([mean.p for mean in overall.values()]))
        kept = int((adjusted < ALPHA).sum())
        found.append(
            f"Judged all together (Holm's correction), {kept} of these {told} differences hold{'s' * (kept == 1)}."
        )
    return found


def shown_settings(cells: Iterable[Cell]) -> list[str]:
    """The settings in which the cells of a criterion with a growth differ, lowest density first."""
    ordered = sorted(cells, key=lambda cell: (cell.density, cell))
    return list(dict.fromkeys(shown_setting(cell) for cell in ordered))


def shown_setting(cell: Cell) -> str:
    """The density of a cell and its further settings."""
    return " · ".join([f"{cell.density:g}", *(f"{name} {value}" for name, value in cell.extra)])


def span_of(contrast: Contrast) -> str:
    """Over what the overall difference of a criterion with a growth is a mean, as the beginning of a sentence."""
    if len(columns := shown_settings(contrast.cells)) == 1:
        return f"At density {columns[0]}"
    return "Over all settings" if any(cell.extra for cell in contrast.cells) else "Over all densities"


def limits(mean: Mean) -> tuple[float, float]:
    """The ends of the interval of a difference."""
    return mean.lower(LEVEL), mean.upper(LEVEL)


def _listed(group: Mapping[Contender, Mean]) -> str:
    """Criteria with their differences in words, the largest difference first."""
    ordered = sorted(group.items(), key=lambda item: -abs(item[1].value))
    return ", ".join(
        f"{' with '.join(filter(None, [criterion, f'{growth} growth' if growth else None]))} "
        f"({signed(mean.value)}, {signed(mean.lower(LEVEL))} to {signed(mean.upper(LEVEL))})"
        for (criterion, growth), mean in ordered
    )


def _next_above(points: float) -> str:
    """Points with one decimal, the next above them, so that it is true that they are less."""
    return f"{(math.floor(10 * points) + 1) / 10:.1f}"


def _place(cell: Cell) -> tuple[str, str | None, str]:
    return cell.criterion, cell.growth, shown_setting(cell)


def _shown(mean: Mean) -> str:
    if not mean.dof:
        return f"{signed(mean.value)} (1 seed)"
    return f"{signed(mean.value)} ± {mean.upper(LEVEL) - mean.value:.2f}"


def _numbers(mean: Mean) -> list[float | int | None]:
    return [mean.dof + 1, mean.value, *(limits(mean) if mean.dof else (None, None))]
