"""``dst-bench contract``: whether criteria, growths and schedules keep what the contract promises."""

import argparse
import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial

from benchmark.commands.arguments import add_json

SUMMARY = "check criteria, growths and schedules against the contract"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which plugins, and how thoroughly."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="criteria, growths, schedules, as in 'mest(lambda_=0.1)'"
    )
    parser.add_argument("--all", action="store_true", help="every installed criterion, growth and schedule")
    parser.add_argument("--max-examples", type=int, metavar="N", help="cases that each property is tried on")
    parser.add_argument("--quick", action="store_true", help="try a few small cases of each property, in seconds")
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Print a table of properties and results; status 3 where one is broken."""
    from criteria.contract.command import main as contract
    from criteria.errors import InputError, PluginError

    if args.all and args.names:
        raise InputError(f"--all checks everything that is installed; leave it out to check {args.names[0]} alone")
    check = partial(contract, args.names, args.all, args.max_examples, args.json, args.quick)
    try:
        return _apart_from_prints(check) if args.json else check()
    except (Exception, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # what a plugin raises that is no ordinary exception
        raise PluginError(f"{', '.join(args.names) or 'a plugin'} cannot be checked: {error!r}") from error


def _apart_from_prints(check: Callable[[], int]) -> int:
    """Check, and print the JSON alone on stdout; what plugins print goes to stderr."""
    told = io.StringIO()
    try:
        with redirect_stdout(told):
            status = check()
    except BaseException:
        print(told.getvalue(), end="", file=sys.stderr)
        raise
    lines = told.getvalue().splitlines(keepends=True)
    begins = max((number for number, line in enumerate(lines) if line in ("[\n", "[]\n")), default=0)
    print("".join(lines[:begins]), end="", file=sys.stderr)
    print("".join(lines[begins:]), end="")
    return status
