"""What continuous integration reads of a command: the arguments that ask for it, and writing it."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands.arguments import path_of

if TYPE_CHECKING:
    from benchmark.verdicts.verdict import CheckOutcome


def add_ci(parser: argparse.ArgumentParser) -> None:
    """What continuous integration reads."""
    parser.add_argument(
        "--junit", type=_file_to_write, metavar="FILE", help="write the verdicts as JUnit's XML, which CI reads"
    )
    parser.add_argument("--github", action="store_true", help="write the job's summary and notes, in GitHub's Actions")


def tell_ci(args: argparse.Namespace, outcomes: "Sequence[CheckOutcome]") -> None:
    """Write what the arguments ask for: JUnit's XML of all checks, and GitHub's summary and notes of the last one.

    Raises :class:`InputError` where a file cannot be written.
    """
    from benchmark.system.files import append, write_atomically
    from benchmark.verdicts.ci import github_annotations, github_summary, junit

    if args.junit:
        write_atomically(args.junit, junit(outcomes))
    if args.github and outcomes:
        if path := os.environ.get("GITHUB_STEP_SUMMARY"):
            append(Path(path), github_summary(outcomes[-1]))
        for line in github_annotations(outcomes[-1]):
            print(line)


def _file_to_write(text: str) -> Path:
    path = path_of(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder; name a file in it")
    return path
