"""The command line: which commands there are, and running one of them."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from benchmark.commands.ci_output import forget_junit
from benchmark.commands.ending import EXIT_STATUSES, ending, prepare_output
from benchmark.system import communication
from benchmark.system.arithmetic import settle_arithmetic
from benchmark.system.user import cache_folder
from criteria.errors import InputError, printable

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

DESCRIPTION = "Which weights should dynamic sparse training prune? Reproduce, compare, check, contribute."
COMMANDS = (
    *("list", "info", "contract", "bench", "gpu", "run", "status"),
    *("check", "rank", "compare", "tune", "report", "accept", "reproduce", "pack", "unpack"),
)
"""Each is a module of this package; help shows them in this order."""
TOGETHER = ("run",)
"""Commands that several processes can do together."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; what goes wrong is said on stderr, see :mod:`~.ending`."""
    settle_arithmetic()
    prepare_output()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:  # what Hypothesis keeps between searches does not belong where somebody works
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(cache_folder() / "hypothesis"))
    return ending(lambda: _run(given), given)


def _run(arguments: Sequence[str]) -> int:
    parser = build_parser()
    try:
        args = parser.parse_args(arguments)
    except SystemExit as end:  # argparse has printed help or an error
        if end.code:
            forget_junit(arguments)
        return int(end.code or 0)
    if args.command is None:
        parser.print_help()
        return 0
    processes = communication.started_together()
    if processes > 1 and args.command not in TOGETHER:
        if os.environ.get("RANK", "0") != "0":
            return 2  # the first process says why
        raise InputError(f"only `run` works on several processes, and WORLD_SIZE is {processes}; unset it")
    with communication.joined():
        return int(_module(args.command).main(args))


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is one line, as everywhere else."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"{self.prog}: {printable(message)}; see {self.prog} --help\n")

    def print_help(self, file: "SupportsWrite[str] | None" = None) -> None:
        """Print help; argparse's own takes no notice of an output that is closed."""
        print(self.format_help(), end="", file=file)


class _Command(_Parser):
    """The parser of one command: what it does not know is its own error, which leads to its own help."""

    def parse_known_args(self, *given: Any) -> Any:  # type: ignore[override]
        """Raise where an argument is unknown; argparse would leave that to the parser of all commands."""
        args, unknown = super().parse_known_args(*given)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return args, unknown


class _Help(argparse.HelpFormatter):
    """Help that names defaults, where an option has one that it does not speak of itself."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help or ""
        has_default = action.option_strings and action.default not in (None, False, [], argparse.SUPPRESS)
        return f"{text} (default: %(default)s)" if has_default and "default" not in text else text


class _Version(argparse.Action):
    """Prints the version, which is looked up only when somebody asks for it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"dst-bench {version('dst-bench')}")
        parser.exit(0)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = _Parser(prog="dst-bench", description=DESCRIPTION, epilog=EXIT_STATUSES, formatter_class=_Help)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Command)
    for name in COMMANDS:
        module = _module(name)
        command = commands.add_parser(
            name, help=module.SUMMARY, description=module.SUMMARY, epilog=EXIT_STATUSES, formatter_class=_Help
        )
        module.add_arguments(command)
    return parser


def _module(command: str) -> ModuleType:
    return import_module(f"benchmark.commands.{command}")
