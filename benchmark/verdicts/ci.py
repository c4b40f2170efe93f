"""The outcome of a check as continuous integration reads it: JUnit's XML, and GitHub's summary and notes."""

from collections import Counter
from collections.abc import Iterable
from xml.etree import ElementTree

from benchmark.system.markdown import escaped
from benchmark.system.workflow_command import workflow_command
from benchmark.verdicts.ci_notes import Note, suite_of
from benchmark.verdicts.claims.changes import ClaimChange
from benchmark.verdicts.newcomers import sentences
from benchmark.verdicts.rendering import deviations
from benchmark.verdicts.verdict import MEANINGS, CheckOutcome, CheckRow, Shift, Verdict

FAILED: tuple[Verdict, ...] = ("deviates",)
SKIPPED: tuple[Verdict, ...] = ("missing", "unexpected", "unstable", "inconclusive")
"""Verdicts of which a test neither passes nor fails."""
CLAIM_DEVIATES = "the verdict became its opposite, or is another one though every result is the stored one"


def junit(outcomes: Iterable[CheckOutcome], notes: Iterable[Note] = ()) -> str:
    """JUnit's XML: a suite for each check, and one of a single test for each note."""
    suites = ElementTree.Element("testsuites")
    suites.extend(map(_suite, outcomes))
    suites.extend(map(suite_of, notes))
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _suite(outcome: CheckOutcome) -> ElementTree.Element:
    """A test for each cell against each source, each comparison of many cells, each claim, and each missing run."""
    cases = [
        *(_of_cell(outcome, row) for row in outcome.rows),
        *(_of_shift(outcome, shift) for shift in outcome.shifts),
        *(_of_claim(outcome, change) for change in outcome.changes),
        *(_missing(outcome, f"{cell}, seed {seed}") for cell, seed in outcome.missing_runs),
    ]
    failures = sum(case.find("failure") is not None for case in cases)
    suite = ElementTree.Element(
        "testsuite",
        name=f"dst-bench check {outcome.experiment}",
        tests=str(len(cases)),
        failures=str(failures),
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
    )
    suite.extend(cases)
    return suite


def github_summary(outcome: CheckOutcome) -> str:
    """Markdown for the summary of a job: the verdict, counts, the claims, and what deviates."""
    counts = Counter((row.verdict, row.source or "–") for row in outcome.rows)  # a cell has a row for each source
    sources = sorted({source for _, source in counts})
    listed = [(v, source, counts[v, source]) for v in MEANINGS for source in sources if counts[v, source]]
    parts = [
        f"### {escaped(outcome.experiment)}: {outcome.overall}",
        "| verdict | against | cells | meaning |\n|---|---|---|---|\n"
        + "\n".join(f"| {v} | {escaped(source)} | {count} | {MEANINGS[v]} |" for v, source, count in listed),
    ]
    if outcome.newcomers:
        parts.append("\n".join(f"- {escaped(line)}" for line in sentences(outcome.newcomers)))
    if outcome.claims:
        rows = "\n".join(
            f"| {escaped(each.claim)} | {each.verdict} | {escaped(f'{each.finding}. {each.firmness}'.rstrip())} |"
            for each in outcome.claims
        )
        parts.append(f"| claim | verdict | found |\n|---|---|---|\n{rows}")
    if told := deviations(outcome):
        parts.append("\n".join(f"- {escaped(line)}" for line in told))
    return "\n\n".join(parts) + "\n"


def github_annotations(outcome: CheckOutcome) -> list[str]:
    """A workflow command for everything that deviates (an error) and every warning, which GitHub shows as a note."""
    errors = [workflow_command("error", outcome.experiment, line) for line in deviations(outcome)]
    return errors + [workflow_command("warning", outcome.experiment, warning) for warning in outcome.warnings]


def _case(outcome: CheckOutcome, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=f"dst-bench.{outcome.experiment}", name=name)


def _failed(case: ElementTree.Element, message: str, meaning: str) -> ElementTree.Element:
    ElementTree.SubElement(case, "failure", message=message).text = meaning
    return case


def _skipped(case: ElementTree.Element, message: str) -> ElementTree.Element:
    ElementTree.SubElement(case, "skipped", message=message)
    return case


def _of_cell(outcome: CheckOutcome, row: CheckRow) -> ElementTree.Element:
    case = _case(outcome, _name(row))
    if row.verdict in FAILED:
        return _failed(case, _told(row, outcome), MEANINGS[row.verdict])
    return _skipped(case, f"{row.verdict}: {MEANINGS[row.verdict]}") if row.verdict in SKIPPED else case


def _of_shift(outcome: CheckOutcome, shift: Shift) -> ElementTree.Element:
    case = _case(outcome, name := f"{shift.name} against {shift.source}")
    return _failed(case, name, MEANINGS["deviates"]) if shift.deviates else case


def _of_claim(outcome: CheckOutcome, change: ClaimChange) -> ElementTree.Element:
    """The case of a claim whose verdict is not the stored one, with the words for it, which are not those of cells."""
    case = _case(outcome, str(change))
    return _failed(case, str(change), CLAIM_DEVIATES) if change.deviates else _skipped(case, str(change))


def _missing(outcome: CheckOutcome, run: str) -> ElementTree.Element:
    return _skipped(_case(outcome, run), "missing: a value is stored, but this run has no result")


def _name(row: CheckRow) -> str:
    return str(row.cell) if row.source is None else f"{row.cell} against {row.source}"


def _told(row: CheckRow, outcome: CheckOutcome) -> str:
    """The verdict on a cell and why: its first run that is not equal bit for bit, or by how much it moved."""
    for bits in outcome.bits:
        changed = [run for run in bits.differing if run.cell == row.cell and bits.source == row.source]
        if changed:
            first, *others = changed
            same = " (only their digests differ)" if first.measured == first.stored else ""
            more = f"; {len(others)} more of this cell too" if others else ""
            return (
                f"{row.verdict}: the run with seed {first.seed} is not equal bit for bit: "
                f"{first.measured:g}, stored is {first.stored:g}{same}{more}"
            )
    return row.verdict if row.difference is None else f"{row.verdict}: moved by {row.difference:+.2f} points"
