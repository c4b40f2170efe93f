"""Point the contract for implementations at public libraries: ``python -m examples.libraries``.

Prints a verdict per promise, and with ``--code`` the counterexamples. Exits with 1 where a promise is broken that was
kept before, or kept that was known to be broken; what is not installed in its pinned version is skipped and said so.
"""

import argparse
import sys
import textwrap
import warnings
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import torch
from tabulate import tabulate

from criteria.contract.implementations import PROMISES, report_training
from criteria.contract.results import Result
from examples.libraries.findings import LIBRARIES, Library

MARKS = {"kept": "kept", "broken": "**broken**", "not checked": "–"}


def missing(library: Library) -> str:
    """Why a library cannot be run here; empty where it can."""
    try:
        there = version(library.package)
    except PackageNotFoundError:
        there = "none"
    if library.version in (None, there):
        return ""
    return f"{library.package} {library.version} is wanted, and {there} is installed"


def results_of(library: Library, examples: int) -> list[Result]:
    """What came of every promise."""
    module, _, function = library.make.partition(":")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' own
        make = getattr(import_module(module), function)
        return report_training(make, examples=examples, **library.declared)


def surprises(library: Library, results: list[Result]) -> list[str]:
    """Promises that came out otherwise than they are known to."""
    found = []
    for result in results:
        if result.outcome == "broken" and result.property not in library.expected:
            found.append(f"{library.name}: {result.property} is broken, which is new: {result.reason}")
        if result.outcome == "kept" and result.property in library.expected:
            found.append(f"{library.name}: {result.property} is kept, though {library.expected[result.property]}")
    return found


def main() -> int:
    """Run every library that is installed, and print what came of it."""
    parser = argparse.ArgumentParser(description="The contract for implementations, pointed at public libraries.")
    parser.add_argument("names", nargs="*", help="libraries whose name begins so; all of them by default")
    parser.add_argument("--examples", type=int, default=30, help="trainings that are tried")
    parser.add_argument("--code", action="store_true", help="print counterexamples")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [each for each in LIBRARIES if not arguments.names or each.name.startswith(tuple(arguments.names))]
    columns, news = {}, []
    for library in chosen:
        if why := missing(library):
            print(f"skipped {library.name}: {why}", file=sys.stderr)
            continue
        results = columns[library.name] = results_of(library, arguments.examples)
        news += surprises(library, results)
        for result in results:
            if arguments.code and result.outcome == "broken":
                code = textwrap.indent(result.code, "    ")
                print(f"### {library.name}: {result.property}\n\n{result.reason}\n\n{code}\n")
    rows = []
    for index, name in enumerate(PROMISES):
        rows.append([f"`{name}`", *(MARKS[results[index].outcome] for results in columns.values())])
    print(tabulate(rows, ["promise", *columns], tablefmt="github"))
    print("".join(f"\n{line}" for line in news))
    return 1 if news else 0


if __name__ == "__main__":
    sys.exit(main())
