"""How the contract fares against the broken and the right plugins: ``python -m tests.contract.attack``."""

import argparse
import contextlib
import itertools
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
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


def _asked(classes: Iterable[type], options: argparse.Namespace) -> Iterator[tuple[type, int]]:
    return itertools.product(list(classes)[:: options.every], options.seeds)


def _broken(options: argparse.Namespace) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """A row for each kind, and for each plugin that got past or was misnamed."""
    rows: list[tuple[object, ...]] = []
    escaped: list[tuple[object, ...]] = []
    for kind, classes in KINDS.items():
        if options.kind and kind not in options.kind:
            continue
        counts: Counter[str] = Counter()
        for cls, seed in _asked(classes, options):
            answer = named_broken(cls, options.examples, seed)
            counts["right"] += answer.any_of(EXPECT[cls])
            counts["first"] += answer.first in EXPECT[cls]
            counts["of"] += 1
            if not answer.any_of(EXPECT[cls]):
                escaped.append((kind, cls.__name__, seed, answer.first or "nothing"))
            print(f"{kind}: {cls.__name__}, seed {seed}: {answer.first or 'nothing'}", file=sys.stderr, flush=True)
        rows.append((kind, counts["right"], counts["first"], counts["of"]))
    return rows, escaped


def _blamed(options: argparse.Namespace) -> list[tuple[object, ...]]:
    """A row for each right plugin that was blamed."""
    blamed: list[tuple[object, ...]] = []
    for kind, classes in RIGHT.items():
        if options.kind and kind not in options.kind:
            continue
        for cls, seed in _asked(classes, options):
            answer = named_right(cls, options.examples, seed)
            if answer.first:
                blamed.append((kind, cls.__name__, seed, answer.first))
            print(f"right: {cls.__name__}, seed {seed}: {answer.first or 'nothing'}", file=sys.stderr, flush=True)
    return blamed


def main(argv: list[str]) -> int:
    """Ask the contract about the plugins, and print who got past it and who was blamed; 1 where there is any."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.attack", description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--kind", action="append", choices=[*KINDS, *RIGHT], help="all by default")
    parser.add_argument("--every", type=int, default=1, help="ask only about every so many plugins of a kind")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    settings.register_profile("attack", database=None)
    settings.load_profile("attack")
    rows, escaped = _broken(options)
    blamed = _blamed(options)
    print(tabulate(rows, headers=("kind", "by a right name", "first of all", "of")))
    print("\n" + tabulate(escaped, headers=("kind", "got past, or was misnamed", "seed", "named")))
    print("\n" + tabulate(blamed, headers=("kind", "blamed though right", "seed", "for")))
    return int(bool(escaped or blamed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
