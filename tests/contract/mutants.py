"""How many injected faults the contract finds: ``python -m tests.contract.mutants``.

Every mutant is first compared with its original by demonstrations, which share no code with the contract: those whose
fault does not show are equal to it, and named but not counted. Then the contract is asked about it.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from tabulate import tabulate

from tests.contract.campaign import Answer, Campaign, add_options, parsed, question
from tests.contract.naming import named
from tests.contract.operators import OPERATORS, Mutant, mutants
from tests.contract.operators.classes import MOST
from tests.contract.reasons import reason_of

CAUGHT, MISNAMED, SURVIVED, EQUAL = "caught", "caught by another name", "survived", "equal to its original"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    mutant: str
    operator: str
    outcome: str
    property: str = ""
    """The property that it was reported under."""


def judged(mutant: Mutant, examples: int, seed: int) -> tuple[str, ...]:
    """Compare a mutant with its original, and ask the contract about it: the outcome, and a property."""
    if mutant.is_equal():
        return (EQUAL,)
    right = mutant.operator.breaks
    answer = named(mutant.kind, examples, seed, right)
    outcome = CAUGHT if answer.any_of(right) else MISNAMED if answer.first else SURVIVED
    return (outcome, answer.first) if answer.first else (outcome,)


def ask(asked: str) -> tuple[str, ...]:
    """What becomes of a mutant; by name, because operators are not sent between processes."""
    name, examples, seed = parsed(asked)
    return judged(_by_name()[name], examples, seed)


MUTANTS = Campaign("mutants", ask)


@cache
def _by_name() -> dict[str, Mutant]:
    return {each.name: each for each in mutants(OPERATORS, None)}


def _verdict(mutant: Mutant, answer: Answer) -> Verdict:
    return Verdict(mutant.name, mutant.operator.name, *answer.says)


def summary(found: list[Verdict]) -> str:
    """The shares that were caught, by operator and by property, and every mutant that was not."""
    counted = [each for each in found if each.outcome != EQUAL]
    parts = [_table("operator", counted, [each.operator for each in counted])]
    right = [next(each for each in OPERATORS if each.name == verdict.operator) for verdict in counted]
    named = [(verdict, name) for verdict, of in zip(counted, right, strict=True) for name in sorted(of.breaks)]
    parts.append(_table("property (of those it may be reported under)", [v for v, _ in named], [n for _, n in named]))
    reported = Counter(each.property for each in counted if each.outcome == CAUGHT)
    parts.append(tabulate(reported.most_common(), headers=("reported under", "mutants")))
    for outcome in (SURVIVED, MISNAMED):
        left = [(each.mutant, each.property or reason_of(each.mutant)) for each in counted if each.outcome == outcome]
        parts.append(f"{outcome}: {len(left)}\n{tabulate(left, headers=('mutant', 'reported under, or reason'))}")
    same = Counter(each.operator for each in found if each.outcome == EQUAL)
    parts.append(f"{EQUAL}: {sum(same.values())}\n{tabulate(sorted(same.items()), headers=('operator', 'mutants'))}")
    equal_names = " ".join(each.mutant for each in found if each.outcome == EQUAL)
    caught = sum(each.outcome == CAUGHT for each in counted)
    parts.append(f"{equal_names}\n\ncaught {caught} of {len(counted)}: {caught / max(len(counted), 1):.1%}")
    return "\n\n".join(parts)


def _table(what: str, found: list[Verdict], keys: Iterable[str]) -> str:
    total: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    for verdict, key in zip(found, keys, strict=True):
        total[key] += 1
        caught[key] += verdict.outcome == CAUGHT
    rows = [(key, caught[key], total[key], f"{caught[key] / total[key]:.0%}") for key in total]
    return tabulate(sorted(rows, key=lambda row: row[1] / row[2]), headers=(what, "caught", "of", "share"))


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.mutants", description=__doc__)
    parser.add_argument("--operator", action="append", choices=[each.name for each in OPERATORS], metavar="NAME")
    parser.add_argument("--plugin", action="append", metavar="CLASS", help="only mutants of these originals")
    parser.add_argument("--most", type=int, default=MOST, help="originals of each operator; 0 for all that it fits")
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--list", action="store_true", help="only name the mutants")
    parser.add_argument("--at-least", type=float, default=0.0, help="exit with 1 where a smaller share is caught")
    add_options(parser)
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Judge the mutants and say what came of them; 1 for fewer caught than asked for, 2 where no mutant was chosen."""
    options = _arguments(argv)
    operators = tuple(each for each in OPERATORS if not options.operator or each.name in options.operator)
    chosen = [
        mutant
        for mutant in mutants(operators, options.most or None)
        if not options.plugin or mutant.original.__name__ in options.plugin
    ]
    if not chosen:
        print(f"none of these operators fits {', '.join(options.plugin)}; try --most 0, or --list", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(mutant.name for mutant in chosen))
        return 0
    answers = MUTANTS.answers([question(each.name, options.examples, options.seed) for each in chosen], options)
    found = [_verdict(mutant, answer) for mutant, answer in zip(chosen, answers, strict=True)]
    print(summary(found))
    counted = [each for each in found if each.outcome != EQUAL]
    caught = sum(each.outcome == CAUGHT for each in counted)
    return int(caught < options.at_least * len(counted))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
