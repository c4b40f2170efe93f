"""How the contract fares against the broken and the right plugins: ``python -m tests.contract.attack``."""

import argparse
import contextlib
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from hypothesis import settings
from tabulate import tabulate

from criteria import Growth
from criteria.contract import ContractError, check_criterion, check_growth, report
from criteria.contract.asking import Plugin
from tests.contract.broken import EXPECT, KINDS
from tests.contract.demonstrations.settings import restored
from tests.contract.right import RIGHT


@dataclass(frozen=True)
class Named:
    """The names under which the contract reports a plugin: the first, and all of them where the first is not right."""

    first: str
    others: tuple[str, ...] = ()

    def any_of(self, right: set[str]) -> bool:
        """Whether a right name is among them."""
        return bool(right & {self.first, *self.others})


@contextlib.contextmanager
def own_process() -> Iterator[None]:
    """Whatever a plugin does to the process ends with it, and starts from settings that tests are run with."""
    with restored(("default device",)), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(1)
        yield


def named(plugin: Plugin, examples: int, seed: int, right: set[str]) -> Named:
    """What the contract says to a plugin; an empty name where it says nothing."""
    try:
        check = check_growth if isinstance(plugin, Growth) else check_criterion
        check(plugin, examples, seed=seed)  # type: ignore[arg-type]
    except ContractError as error:
        if error.property in right:
            return Named(error.property)
        broken = [each.property for each in report(plugin, examples, seed=seed) if each.outcome == "broken"]
        return Named(error.property, tuple(broken))
    except Exception as failure:  # a contract that fails has not named anything
        return Named(f"the contract itself failed: {type(failure).__name__}")
    return Named("")


def named_broken(cls: type, examples: int, seed: int) -> Named:
    """What the contract says to a broken plugin."""
    with own_process():
        return named(cls(), examples, seed, EXPECT[cls])


def named_right(cls: type, examples: int, seed: int) -> Named:
    """What the contract says to a right plugin: nothing, where all is well."""
    with own_process():
        return named(cls(), examples, seed, set())


def main(argv: list[str]) -> int:
    """Ask the contract about every plugin, and print who got past it and who was blamed."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.attack", description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--kind", action="append", choices=[*KINDS, *RIGHT], help="all by default")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    settings.register_profile("attack", database=None)
    settings.load_profile("attack")
    rows, escaped = [], []
    for kind, classes in KINDS.items():
        if options.kind and kind not in options.kind:
            continue
        counts: Counter[str] = Counter()
        for cls in classes:
            for seed in options.seeds:
                answer = named_broken(cls, options.examples, seed)
                right = answer.any_of(EXPECT[cls])
                counts["right"] += right
                counts["first"] += answer.first in EXPECT[cls]
                counts["of"] += 1
                if not right:
                    escaped.append((kind, cls.__name__, seed, answer.first or "nothing"))
                print(f"{kind}: {cls.__name__}, seed {seed}: {answer.first or 'nothing'}", file=sys.stderr, flush=True)
        rows.append((kind, counts["right"], counts["first"], counts["of"]))
    blamed = []
    for kind, right_ones in RIGHT.items():
        if options.kind and kind not in options.kind:
            continue
        for cls in right_ones:
            for seed in options.seeds:
                answer = named_right(cls, options.examples, seed)
                if answer.first:
                    blamed.append((kind, cls.__name__, seed, answer.first))
                print(f"right: {cls.__name__}, seed {seed}: {answer.first or 'nothing'}", file=sys.stderr, flush=True)
    print(tabulate(rows, headers=("kind", "by a right name", "first of all", "of")))
    print("\n" + tabulate(escaped, headers=("kind", "got past, or was misnamed", "seed", "named")))
    print("\n" + tabulate(blamed, headers=("kind", "blamed though right", "seed", "for")))
    return int(bool(escaped or blamed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
