"""Whether any shipped plugin is blamed by a long search: ``python -m tests.contract.shipped --seeds 20``."""

import argparse
import sys

from tabulate import tabulate

from criteria.contract import report
from criteria.plugins import load, names
from tests.contract.campaign import Answer, Campaign, add_options

KINDS = ("criterion", "growth")
NO_ALARM = "no alarm"


def question(kind: str, name: str, examples: int, seed: int) -> str:
    """The name of a question about a plugin."""
    return f"{kind} {name}, {examples} examples, seed {seed}"


def ask(asked: str) -> tuple[str, ...]:
    """Whether the contract blames a plugin, and for what."""
    plugin, examples, seed = asked.split(", ")
    kind, name = plugin.split()
    results = report(load(name, kind), int(examples.split()[0]), seed=int(seed.split()[1]))
    broken = tuple(dict.fromkeys(each.property for each in results if each.outcome == "broken"))
    return ("alarm", *broken) if broken else (NO_ALARM,)


SHIPPED = Campaign("shipped", ask)


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
    plugins = [(kind, name) for kind in KINDS for name in names(kind)]
    asked = [question(*plugin, options.examples, seed) for seed in range(options.seeds) for plugin in plugins]
    answers = SHIPPED.answers(asked, options)
    print(summary(answers))
    return int(any(each.says[0] != NO_ALARM for each in answers))


if __name__ == "__main__":
    import tests.contract.shipped as importable  # so that other processes find what is asked

    sys.exit(importable.main(sys.argv[1:]))
