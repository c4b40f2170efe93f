"""How many injected faults the contract finds: ``python -m tests.contract.mutants``.

Every mutant is first compared with its original by demonstrations, which share no code with the contract: those whose
fault does not show are equal to it, and named but not counted. Then the contract is asked about it. What is known of a
mutant is written to a file at once, so that an interrupted call goes on where it was; the file belongs to the code of
contract, operators and plugins, so that it is begun anew when one of them changes.
"""

import argparse
import hashlib
import json
import multiprocessing
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from hypothesis import settings
from tabulate import tabulate

import criteria
from criteria import Growth
from criteria.contract import ContractError, check_criterion, check_growth, report
from tests.contract.demonstrations.settings import restored
from tests.contract.operators import OPERATORS, Mutant, mutants
from tests.contract.operators.classes import MOST
from tests.contract.operators.reasons import reason_of

CAUGHT, MISNAMED, SURVIVED, EQUAL = "caught", "caught by another name", "survived", "equal to its original"
FOLDER = Path("build/mutants")


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    mutant: str
    operator: str
    outcome: str
    property: str = ""
    """The property that it was reported under."""
    seconds: float = 0.0
    """What the contract took, by the clock."""


def judged(mutant: Mutant, examples: int, seed: int) -> Verdict:
    """Compare a mutant with its original, and ask the contract about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if mutant.is_equal():
            return Verdict(mutant.name, mutant.operator.name, EQUAL)
        started = time.monotonic()
        try:
            property_ = _blamed(mutant, examples, seed)
        except Exception as failure:  # a contract that fails has not named anything
            property_ = f"the contract itself failed: {type(failure).__name__}"
    outcome = CAUGHT if property_ in mutant.operator.breaks else MISNAMED if property_ else SURVIVED
    return Verdict(mutant.name, mutant.operator.name, outcome, property_, round(time.monotonic() - started, 2))


def _blamed(mutant: Mutant, examples: int, seed: int) -> str:
    """The property under which the contract reports the mutant: a right one where there is one; empty for none."""
    with restored(("default device",)):  # whatever the contract lets pass must not reach the next mutant
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(1)
        torch.set_grad_enabled(True)
        plugin = mutant.kind()
        try:
            check = check_growth if isinstance(plugin, Growth) else check_criterion
            check(plugin, examples, seed=seed)  # type: ignore[arg-type]
        except ContractError as error:
            if error.property in mutant.operator.breaks:
                return error.property
        else:
            return ""
        broken = [result.property for result in report(plugin, examples, seed=seed) if result.outcome == "broken"]
        return next((each for each in broken if each in mutant.operator.breaks), broken[0] if broken else "")


def verdicts(chosen: list[Mutant], examples: int, seed: int, jobs: int) -> Iterator[Verdict]:
    """The verdict on each mutant, as it becomes known."""
    if jobs == 1:
        yield from (judged(mutant, examples, seed) for mutant in chosen)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        waiting: list[Future[Verdict]] = [pool.submit(_judged_by_name, each.name, examples, seed) for each in chosen]
        yield from (each.result() for each in as_completed(waiting))


def _judged_by_name(name: str, examples: int, seed: int) -> Verdict:
    """A mutant by name, because operators are not sent between processes."""
    _quiet()
    return judged(next(each for each in mutants(OPERATORS, None) if each.name == name), examples, seed)


def known_in(file: Path) -> dict[str, Verdict]:
    """The verdicts that are stored already."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = [Verdict(**json.loads(line)) for line in lines if line.endswith("}")]
    return {each.mutant: each for each in found}


def file_of(examples: int, seed: int) -> Path:
    """Where the verdicts of this code are stored."""
    packages = [Path(criteria.__file__).parent, Path(__file__).parent]
    sources = sorted(path for folder in packages for path in folder.rglob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    return FOLDER / f"{digest}-{examples}-{seed}.jsonl"


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


def _quiet() -> None:
    torch.set_num_threads(1)
    settings.register_profile("mutants", database=None)
    settings.load_profile("mutants")


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.mutants", description=__doc__)
    parser.add_argument("--operator", action="append", choices=[each.name for each in OPERATORS], metavar="NAME")
    parser.add_argument("--plugin", action="append", metavar="CLASS", help="only mutants of these originals")
    parser.add_argument("--most", type=int, default=MOST, help="originals of each operator; 0 for all that it fits")
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="only name the mutants")
    parser.add_argument("--at-least", type=float, default=0.0, help="exit with 1 where a smaller share is caught")
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
    _quiet()
    file = file_of(options.examples, options.seed)
    known = known_in(file)
    left = [mutant for mutant in chosen if mutant.name not in known]
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as stored:
        for number, verdict in enumerate(verdicts(left, options.examples, options.seed, options.jobs), 1):
            known[verdict.mutant] = verdict
            print(json.dumps(asdict(verdict)), file=stored, flush=True)
            what = f"{verdict.outcome}{f' ({verdict.property})' if verdict.property else ''}"
            print(f"[{number}/{len(left)}] {verdict.mutant}: {what}", file=sys.stderr, flush=True)
    found = [known[mutant.name] for mutant in chosen]
    print(summary(found))
    counted = [each for each in found if each.outcome != EQUAL]
    caught = sum(each.outcome == CAUGHT for each in counted)
    return int(caught < options.at_least * len(counted))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
