"""What continuous integration reads of a command: the arguments that ask for it, and writing it."""

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from benchmark.commands.arguments import path_of
from criteria.errors import InputError, PluginError

if TYPE_CHECKING:
    from benchmark.verdicts.ci_notes import Note
    from benchmark.verdicts.verdict import CheckOutcome

    Told: TypeAlias = CheckOutcome | Note

SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable in which GitHub's Actions give the file of the job's summary."""


def add_ci(parser: argparse.ArgumentParser) -> None:
    """What continuous integration reads."""
    parser.add_argument(
        "--junit", type=_file_to_write, metavar="FILE", help="write the verdicts as JUnit's XML, which CI reads"
    )
    parser.add_argument("--github", action="store_true", help="write the job's summary and notes, in GitHub's Actions")


@contextmanager
def telling_ci(args: argparse.Namespace) -> "Iterator[list[Told]]":
    """A list for what a command tells, in which a plugin that ends it is told last.

    A file of JUnit's that an earlier command left is removed first: it would be read as what this one found. Raises
    :class:`InputError` where none, or no summary of GitHub's, can be written, before the command has done anything.
    """
    from benchmark.commands.ending import is_contract_error
    from benchmark.system.files import require_appendable, require_room_for
    from benchmark.verdicts.ci_notes import broken

    if args.junit:
        require_room_for(args.junit)
        _forget(args.junit)
    summary = os.environ.get(SUMMARY)
    if args.github and summary:
        require_appendable(Path(summary))
    told: list[Told] = []
    try:
        yield told
    except Exception as error:
        if isinstance(error, PluginError) or is_contract_error(error):
            told.append(broken(args.command, error))
            with suppress(InputError):  # what the plugin did is said, whatever cannot be written
                tell_ci(args, told)
        raise


def tell_ci(args: argparse.Namespace, told: "Sequence[Told]") -> None:
    """Write what the arguments ask for: JUnit's XML of all that is told, and GitHub's summary and notes of the last.

    Raises :class:`InputError` where a file cannot be written.
    """
    from benchmark.system.files import append, write_atomically
    from benchmark.verdicts.ci import github_annotations, github_summary, junit
    from benchmark.verdicts.ci_notes import Note, github_line

    if args.junit:
        notes = [each for each in told if isinstance(each, Note)]
        write_atomically(args.junit, junit([each for each in told if not isinstance(each, Note)], notes))
    if not args.github:
        return
    last = told[-1]
    if isinstance(last, Note):
        print(github_line(last))
        return
    if path := os.environ.get(SUMMARY):
        append(Path(path), github_summary(last))
    for line in github_annotations(last):
        print(line)


def forget_junit(arguments: Sequence[str]) -> None:
    """Remove JUnit's file of an earlier command where this one's arguments are wrong: it would be read as this one's.

    Nothing is removed for a command that writes no such file.
    """
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--junit", type=_file_to_write)
    if arguments[:1] not in (["check"], ["reproduce"]):
        return
    with suppress(argparse.ArgumentError, SystemExit, OSError):
        if path := parser.parse_known_args(arguments)[0].junit:
            _forget(path)


def _forget(path: Path) -> None:
    path.resolve().unlink(missing_ok=True)  # a link stays one


def _file_to_write(text: str) -> Path:
    path = path_of(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder; name a file in it")
    return path
