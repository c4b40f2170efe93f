"""The outcome of a check as plain text for people and as JSON for programs."""

import math
import textwrap
from collections import Counter
from collections.abc import Sequence

from tabulate import tabulate

from benchmark.system.quantity import quantity
from benchmark.verdicts.claims import render_claims
from benchmark.verdicts.compared import DEPTHS
from benchmark.verdicts.json_output import document, plain
from benchmark.verdicts.newcomers import sentences
from benchmark.verdicts.statistics.confidence import CONFIDENCE
from benchmark.verdicts.statistics.summary import Summary
from benchmark.verdicts.verdict import MEANINGS, CheckOutcome, CheckRow, Shift

WIDTH = 100
"""Columns of the text."""


def render(outcome: CheckOutcome) -> str:
    """The outcome as plain text: a line per cell for each source, warnings, counts, and last what deviates."""
    parts = [
        f"{outcome.experiment}: {outcome.metric} in percent, mean ± standard deviation over n seeds;\n"
        f"difference = measured - expected in points, ± its {CONFIDENCE:.0%} interval; "
        f"tolerance {quantity(outcome.tolerance, 'point')};\n"
        "p = probability of such a difference by chance, after Holm's correction"
    ]
    sources = sorted({row.source or "" for row in outcome.rows})
    for source in [*filter(None, sources), *({""} & set(sources))]:
        heading = f"against {source!r}" if source else "without an expected value"
        if source in outcome.depths:
            heading += f" ({DEPTHS[outcome.depths[source]]})"
        told = [textwrap.fill(line, WIDTH) for line in (heading, outcome.sources.get(source, "")) if line]
        rows = [row for row in outcome.rows if (row.source or "") == source]
        parts.append("\n".join([*told, _table(rows)]))
    if outcome.claims:
        parts.append(f"claims of the paper, effects in points\n{render_claims(outcome.claims)}")
    parts += [textwrap.fill(f"warning: {warning}", WIDTH) for warning in outcome.warnings]
    if outcome.newcomers:
        told = [textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in sentences(outcome.newcomers)]
        parts.append("\n".join(["where the new criteria stand (difference in points, paired)", *told]))
    counts = Counter(row.verdict for row in outcome.rows)
    found = ", ".join(f"{counts[verdict]} {verdict}" for verdict in MEANINGS if counts[verdict])
    lines = [textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in deviations(outcome)]
    parts.append("\n".join([f"{outcome.overall}: {found}", *lines]))
    return "\n\n".join(parts) + "\n"


def as_json(outcome: CheckOutcome) -> str:
    """The outcome as JSON; the end of an interval that has none is null."""
    runs = [{"cell": cell, "seed": seed} for cell, seed in outcome.missing_runs]
    return document({"overall": outcome.overall, **plain(outcome), "missing_runs": runs})


def _table(rows: Sequence[CheckRow]) -> str:
    columns = [
        _column("expected", [row.expected for row in rows]),
        _column("measured", [row.measured for row in rows]),
        ["difference", *map(_difference, rows)],
        ["verdict", *(row.verdict for row in rows)],
    ]
    taken = sum(2 + max(len(line) for text in column for line in text.splitlines()) for column in columns)
    headers, *body = zip(["cell", *(str(row.cell) for row in rows)], *columns, strict=True)
    return tabulate(body, headers, tablefmt="simple", disable_numparse=True, maxcolwidths=[max(WIDTH - taken, 20)])


def _column(name: str, summaries: Sequence[Summary | None]) -> list[str]:
    """Heading and texts of a column; n is in the heading if all cells have the same."""
    counts = {summary.n for summary in summaries if summary is not None}
    heading = f"{name}\nn = {counts.pop()}" if len(counts) == 1 else name
    texts = ["-" if each is None else str(each) if heading == name else each.without_n for each in summaries]
    return [heading, *texts]


def _difference(row: CheckRow) -> str:
    if row.difference is None or row.interval is None:
        return "-"
    margin = row.interval[1] - row.difference
    return f"{row.difference:+.2f} ± {f'{margin:.2f}' if math.isfinite(margin) else '?'}"


def deviations(outcome: CheckOutcome) -> list[str]:
    """A line for everything that deviates: runs, cells, many cells together, and verdicts on claims."""
    lines = []
    for bits in outcome.bits:
        if bits.differing:
            first = bits.differing[0]
            many = f"{len(bits.differing)} of {quantity(bits.runs, 'run')}"
            lines.append(
                f"deviates: {many} are not equal to {bits.source!r} bit for bit; "
                f"the first is {first.cell}, seed {first.seed}: {first.measured:g}, stored is {first.stored:g}"
            )
    exact = {(run.cell, bits.source) for bits in outcome.bits for run in bits.differing}
    lines += [
        f"deviates: {row.cell} ({row.source}): moved by {row.difference:+.2f} points (p = {row.p_adjusted:.1g})"
        for row in outcome.rows
        if row.verdict == "deviates" and (row.cell, row.source) not in exact
    ]
    lines += [f"deviates: {_shifted(shift)} (p = {shift.p_adjusted:.1g})" for shift in outcome.shifts if shift.deviates]
    return lines + [f"{'deviates' if change.deviates else 'changed'}: {change}" for change in outcome.changes]


def _shifted(shift: Shift) -> str:
    """What several cells did together, as a sentence without its p-value."""
    points = f"{shift.difference:+.2f} points"
    match shift.kind:
        case "criterion":
            return f"{shift.name}, all its {shift.cells} cells ({shift.source}): moved by {points} against the others"
        case "contrast":
            return f"{shift.name} ({shift.source}): changed by {points}"
        case "together":
            return f"all {shift.cells} cells together ({shift.source}): moved by {points} on average"
        case "collapse":
            count = f"{shift.cells} " if shift.cells > 1 else ""
            return f"{count}{shift.name} with every seed ({shift.source})"
