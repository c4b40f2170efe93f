"""Whether any shipped plugin is blamed by a long search: ``python -m tests.contract.shipped --seeds 20``."""

import argparse
import sys

from tabulate import tabulate

from criteria.contract import report
from criteria.plugins import load, names
from tests.contract.campaign import Answer, Campaign, add_options, parsed, question
from tests.contract.drawn import as_at_seed

KINDS = ("criterion", "growth")
NO_ALARM = "no alarm"


def ask(asked: str) -> tuple[str, ...]:
    """Whether the contract blames a plugin, and for what."""
    plugin, examples, seed = parsed(asked)
    kind, name = plugin.split()
    with as_at_seed(seed):
        results = report(load(name, kind), examples, seed=seed)
    broken = [f"{each.property}: {each.reason}" for each in results if each.outcome == "broken"]
    return ("alarm", *broken) if broken else (NO_ALARM,)


SHIPPED = Campaign("shipped", ask)


def shipped() -> list[str]:
    """The kinds and names of the criteria and growths of this distribution, without what else is installed."""
    found = [(kind, name) for kind in KINDS for name in names(kind)]
    return [f"{kind} {name}" for kind, name in found if type(load(name, kind)).__module__.startswith("criteria.")]


def summary(answers: list[Answer]) -> str:
    """How many searches of each plugin raised no alarm, and the alarms."""
    counts: dict[str, list[int]] = {}
    for answer in answers:
        count = counts.setdefault(answer.question.partition(",")[0], [0, 0])
        count[0] += answer.says[0] == NO_ALARM
        count[1] += 1
    alarms = [(each.question, ", ".join(each.says[1:])) for each in answers if each.says[0] != NO_ALARM]
    rows = [(plugin, *count) for plugin, count in counts.items()]
    rows.append(("all", len(answers) - len(alarms), len(answers)))
    counted = tabulate(rows, headers=("plugin", "searches without an alarm", "of"))
    return f"{counted}\n\n{tabulate(alarms, headers=('search', 'alarm'))}"


def main(argv: list[str]) -> int:
    """Search every shipped plugin, and print the alarms; 1 where there is any."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.shipped", description=__doc__)
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds")
    add_options(parser)
    options = parser.parse_args(argv)
    asked = [question(plugin, options.examples, seed) for seed in range(options.seeds) for plugin in shipped()]
    answers = SHIPPED.answers(asked, options)
    print(summary(answers))
    return int(any(each.says[0] != NO_ALARM for each in answers))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
