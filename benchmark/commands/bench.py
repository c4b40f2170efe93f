"""``dst-bench bench``: how fast the parts of the project are, each beside a rival."""

import argparse
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from benchmark.commands.arguments import add_data_dir, add_device, add_json
from benchmark.commands.table import print_table
from benchmark.timing import PARTS

if TYPE_CHECKING:
    from benchmark.timing.comparison import Comparison, Skipped

SUMMARY = "time training, updates, the contract and starting, each beside a rival"
HEADERS = ("", "", "takes", "and", "takes", "ratio", "of rounds")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which parts, and where."""
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these of {', '.join(PARTS)}")
    add_device(parser)
    add_data_dir(parser)
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Print a table of times and ratios; however slow the machine is, the status is 0."""
    from benchmark.system.arithmetic import spin_before_sleeping
    from criteria.plugins import unknown

    spin_before_sleeping()
    for part in args.parts:
        if part not in PARTS:
            raise unknown("part", part, PARTS)
    from benchmark.system.device import choose_device, environment
    from benchmark.timing import comparisons_of
    from benchmark.timing.comparison import Comparison, Skipped
    from benchmark.verdicts.json_output import document

    device = choose_device(args.device)
    found: list[Comparison | Skipped] = []
    for part in args.parts or PARTS:
        print(f"timing {part} …", file=sys.stderr)
        for each in comparisons_of(part, device, args.data_dir):
            print(f"  {_line(each)}", file=sys.stderr)
            found.append(each)
    comparisons = [each for each in found if isinstance(each, Comparison)]
    skipped = [each for each in found if isinstance(each, Skipped)]
    if args.json:
        print(document({"environment": environment(device), "comparisons": comparisons, "skipped": skipped}))
    else:
        print_table(_rows(comparisons), HEADERS, right=(2, 4, 5, 6))
        print("\nMedians of rounds that time both in turn; training is per optimizer step of one network.")
        if any(each.flops for each in comparisons):
            print("GFLOP/s count what products of active weights need, and no engine's products with zeros.")
        print("".join(f"\nskipped {each.about}: {each.reason}" for each in skipped))
    return 0


def _rows(comparisons: "Iterable[Comparison]") -> list[tuple[str, ...]]:
    return [
        (
            each.about,
            each.what,
            _time(each.seconds, each.flops),
            each.rival,
            _time(each.rival_seconds, each.flops),
            f"{each.ratio:.2f}",
            f"{each.lowest:.2f} – {each.highest:.2f}",
        )
        for each in comparisons
    ]


def _line(found: "Comparison | Skipped") -> str:
    """What is printed as soon as it is known, since all of it takes many minutes."""
    from benchmark.timing import comparison

    if isinstance(found, comparison.Skipped):
        return f"skipped {found.about}: {found.reason}"
    return f"{found.about}: {found.what} takes {found.ratio:.2f} times as long as {found.rival}"


def _time(seconds: float, flops: int | None) -> str:
    """A time, and the rate of the operations that the result needs."""
    text = f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"
    return text if flops is None else f"{text}, {flops / seconds / 1e9:.3g} GFLOP/s"
