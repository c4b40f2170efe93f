"""``dst-bench gpu``: everything that an hour on a GPU is good for, in the order of its worth, within a budget."""

import argparse
import sys
from pathlib import Path

from benchmark.accelerator.parts import PARTS
from benchmark.commands.arguments import add_data_dir, duration_of, folder

SUMMARY = "get everything out of some minutes on a GPU: health, truth, speed, and results"
NAMES = tuple(part.name for part in PARTS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """For how long, where, and what."""
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these of {', '.join(NAMES)}")
    parser.add_argument(
        "--budget", type=duration_of, default="9m", metavar="TIME", help="for everything, as in 9m, 90s or 1h"
    )
    parser.add_argument("--out", type=folder, default=Path("gpu"), metavar="DIR", help="folder for what is found")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu only tries the command out")
    add_data_dir(parser)
    group = parser.add_argument_group("what was found before (it stays, unless you choose)")
    group.add_argument("--retry", action="store_true", help="try again the items that failed")
    group.add_argument("--again", action="store_true", help="find out everything again")


def main(args: argparse.Namespace) -> int:
    """Work through the parts; status 1 where something deviates or failed, and 0 also where time did not suffice."""
    from benchmark.accelerator.conducting import Work, conduct
    from benchmark.accelerator.notes import notes_of
    from benchmark.accelerator.presence import gpu_is_here
    from benchmark.system.files import require_writable
    from criteria.errors import InputError
    from criteria.plugins import unknown

    for name in args.parts:
        if name not in NAMES:
            raise unknown("part", name, NAMES)
    chosen = [part for part in PARTS if not args.parts or part.name in args.parts]
    if args.device == "cuda" and not gpu_is_here():
        raise InputError("there is no GPU here that torch can use; --device cpu tries the command out")
    require_writable(args.out)
    if args.retry or args.again:
        for part in chosen:
            notes_of(args.out, part.name).forget(failed_only=not args.again)

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    found = conduct(Work(args.out, args.budget, args.device, args.data_dir, chosen, say))
    print("\n".join(notes.line for notes in found))
    return int(any(notes.deviating or notes.failing or notes.state == "failed" for notes in found))
