"""``dst-bench contract``: check installed criteria and growths, and print what came of it."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

from tabulate import tabulate

from criteria.api import Growth
from criteria.contract.alone import Alone, running_alone
from criteria.contract.asking import Plugin
from criteria.contract.checks import DEFAULT_EXAMPLES, report
from criteria.contract.code import name_of
from criteria.contract.notes import notes_on
from criteria.contract.results import Result, described
from criteria.contract.schedules import schedule_report
from criteria.errors import InputError
from criteria.plugins import Spec, load, names, problems, unknown, usable
from criteria.schedule import DensitySchedule

CHECKED = ("criterion", "growth", "schedule")
"""The kinds of plugins that have promises to keep."""
BROKEN = 3
"""Exit status where a promise is broken."""


@dataclass(frozen=True)
class Outcome:
    """What came of checking one plugin."""

    kind: str
    name: str
    results: list[Result]
    notes: list[str]

    @property
    def broken(self) -> list[Result]:
        """The broken promises."""
        return [result for result in self.results if result.outcome == "broken"]


def main(names: list[str], all_: bool, max_examples: int | None, as_json: bool, quick: bool = False) -> int:
    """Check the named plugins, or all that are installed; returns 3 where a promise is broken, else 0.

    With ``quick`` a few small cases of each property are tried, which takes seconds and finds the common faults.

    A name may carry parameters, as in ``mest(lambda_=0.1)``, and stands for everything of that name: a criterion, a
    growth and a schedule. Raises :class:`InputError` for one that is not installed.
    """
    outcomes = []
    with running_alone() as alone:
        chosen = list(_installed() if all_ else _named(names))
        for plugin in chosen:
            outcome = _outcome(plugin, max_examples, quick)
            if as_json:
                outcome = replace(outcome, results=[tried(result, alone) for result in outcome.results])
            else:
                print(_text(outcome, alone, in_full=len(chosen) == 1), flush=True)
            outcomes.append(outcome)
    if as_json:
        print(json.dumps([asdict(outcome) for outcome in outcomes], indent=2, ensure_ascii=False))
    return BROKEN if any(outcome.broken for outcome in outcomes) else 0


def _outcome(plugin: Plugin | DensitySchedule, max_examples: int | None, quick: bool) -> Outcome:
    if isinstance(plugin, DensitySchedule):
        return Outcome("schedule", repr(plugin), schedule_report(plugin), [])
    kind = "growth" if isinstance(plugin, Growth) else "criterion"
    results = report(plugin, DEFAULT_EXAMPLES if max_examples is None else max_examples, quick=quick)
    return Outcome(kind, name_of(plugin), results, [] if quick else notes_on(plugin))


def tried(result: Result, run: Callable[[str], Alone]) -> Result:
    """The same, with what its counterexample does alone; one that does not return would not here either."""
    if result.outcome != "broken" or result.hung:
        return result
    alone = run(result.code)
    if alone == "fails" and result.reason.endswith("(not every time)"):
        alone = "fails at times"  # as it did in the search, so it may pass when it is pasted
    return replace(result, alone=alone)


def _installed() -> Iterator[Plugin | DensitySchedule]:
    for kind in CHECKED:
        for line in problems(kind).values():
            print(f"dst-bench: left out: {line}", file=sys.stderr)
        for name in usable(kind):
            yield load(name, kind)


def _named(specs: list[str]) -> Iterator[Plugin | DensitySchedule]:
    if not specs:
        raise InputError("nothing to check; name a criterion, a growth or a schedule, or use --all")
    known = {kind: names(kind) for kind in CHECKED}
    for spec in specs:
        name = Spec.parse(spec).name
        kinds = [kind for kind in known if name in known[kind]]
        if not kinds:
            raise unknown("criterion, growth or schedule", name, {each for kind in known for each in known[kind]})
        for kind in kinds:
            yield load(spec, kind)


def _text(outcome: Outcome, alone: Callable[[str], Alone], in_full: bool) -> str:
    """One line for a plugin that keeps its promises, unless all is asked for; else a table, and code to paste."""
    by_property: dict[str, list[Result]] = {}
    for result in outcome.results:
        by_property.setdefault(result.property, []).append(result)
    rows = [_row(property_, results) for property_, results in by_property.items()]
    verdicts = [verdict for _, verdict, _ in rows]
    counts = [f"{verdicts.count(each)} {each}" for each in ("kept", "broken", "not checked") if each in verdicts]
    line = f"{outcome.kind} {outcome.name}: {len(rows)} properties, {', '.join(counts)}"
    notes = [f"note: {note}" for note in outcome.notes]
    if not outcome.broken and not in_full:
        return "\n".join((line, *notes))
    table = tabulate(rows, headers=("property", "result", ""), tablefmt="simple", maxcolwidths=(None, None, 60))
    first = {result.property: result for result in reversed(outcome.broken)}
    shown = [described(tried(first[name], alone)) for name in by_property if name in first]
    return "\n\n".join((line, table, *notes, *shown))


def _row(property_: str, results: list[Result]) -> tuple[str, str, str]:
    """A property's verdict: broken if it is with any partner, and kept if it was checked with any."""
    broken = [result for result in results if result.outcome == "broken"]
    if broken:
        partners = [f"{result.partner} ({result.scope})" for result in broken if result.partner]
        return property_, "broken", f"with {', '.join(partners)}" if partners else ""
    if any(result.outcome == "kept" for result in results):
        return property_, "kept", ""
    return property_, "not checked", results[0].reason
