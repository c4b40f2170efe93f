"""How the contract fares against the broken and the right plugins: ``python -m tests.contract.attack --seeds 20``."""

import argparse
import sys
from collections import Counter

from tabulate import tabulate

from tests.contract.broken import EXPECT, KINDS
from tests.contract.campaign import Answer, Campaign, add_options, parsed, question
from tests.contract.drawn import as_at_seed
from tests.contract.naming import Named, named
from tests.contract.right import ALL_RIGHT, RIGHT

PLUGINS = {cls.__name__: cls for cls in (*EXPECT, *ALL_RIGHT)}
GOOD = "as it should be"
OF_RIGHT_ONES = "right: "
ALL_KINDS = {kind: list(classes) for kind, classes in KINDS.items()}
ALL_KINDS |= {f"{OF_RIGHT_ONES}{kind}": list(classes) for kind, classes in RIGHT.items()}
KIND_OF = {cls: kind for kind, classes in ALL_KINDS.items() for cls in classes}


def named_broken(cls: type, examples: int, seed: int) -> Named:
    """What the contract says to a broken plugin."""
    return named(cls, examples, seed, EXPECT[cls])


def named_right(cls: type, examples: int, seed: int) -> Named:
    """What the contract says to a right plugin: nothing, where all is well."""
    with as_at_seed(seed):
        return named(cls, examples, seed, set())


def ask(asked: str) -> tuple[str, ...]:
    """What the contract says to a plugin: whether that is right, and under which names it reported it."""
    name, examples, seed = parsed(asked)
    cls = PLUGINS[name]
    answer = (named_broken if cls in EXPECT else named_right)(cls, examples, seed)
    good = answer.any_of(EXPECT[cls]) if cls in EXPECT else not answer.first
    why = () if good or not answer.why else (answer.why,)
    return (GOOD if good else "not as it should be", answer.first or "nothing", *answer.others, *why)


ATTACK = Campaign("attack", ask)


def summary(answers: dict[str, list[Answer]]) -> str:
    """How many plugins of each kind were judged rightly, and which were not, from the answers about each plugin."""
    good: Counter[str] = Counter()
    of: Counter[str] = Counter()
    wrong = []
    for name, found in answers.items():
        cls = PLUGINS[name]
        kind = KIND_OF[cls]
        for answer in found:
            of[kind] += 1
            good[kind] += answer.says[0] == GOOD
            if answer.says[0] != GOOD:
                wrong.append((kind, answer.question, ", ".join(answer.says[1:])))
    rows = [(kind, good[kind], of[kind], f"{good[kind] / of[kind]:.1%}") for kind in of]
    broken = [kind for kind in of if not kind.startswith(OF_RIGHT_ONES)]
    for what, kinds in (("broken", broken), ("right", [kind for kind in of if kind not in broken])):
        right, total = sum(good[kind] for kind in kinds), sum(of[kind] for kind in kinds)
        rows += [(f"all {what} ones", right, total, f"{right / total:.1%}")] if total else []
    counted = tabulate(rows, headers=("kind", "by a right name, or not blamed", "of", "share"))
    return f"{counted}\n\n{tabulate(wrong, headers=('kind', 'got past, was misnamed, or was blamed', 'named'))}"


def main(argv: list[str]) -> int:
    """Ask the contract about the plugins, and print who got past it and who was blamed; 1 where there is any."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.attack", description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds")
    parser.add_argument("--kind", action="append", choices=[*ALL_KINDS], help="all by default")
    parser.add_argument("--every", type=int, default=1, help="ask only about every so many plugins of a kind")
    add_options(parser)
    options = parser.parse_args(argv)
    classes = [cls for kind in options.kind or ALL_KINDS for cls in ALL_KINDS[kind][:: options.every]]
    answers: dict[str, list[Answer]] = {}
    for whose in (EXPECT, ALL_RIGHT):  # no right plugin is asked about in a process that had a broken one
        names = [cls.__name__ for cls in classes if cls in whose]
        asked = [question(name, options.examples, seed) for seed in range(options.seeds) for name in names]
        for answer in ATTACK.answers(asked, options):
            answers.setdefault(parsed(answer.question)[0], []).append(answer)
    print(summary(answers))
    return int(any(each.says[0] != GOOD for found in answers.values() for each in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
