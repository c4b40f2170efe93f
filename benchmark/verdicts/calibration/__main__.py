"""``python -m benchmark.verdicts.calibration``: shows in simulated worlds what the verdicts promise, as a table.

Without options it takes a few minutes; ``--full`` takes an hour and makes the table of ``docs/verdicts.md``.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence

from benchmark.verdicts.calibration import of_bounds, of_check, of_race, of_standing

Lines = Iterable[tuple[str, str, str]]
PARTS: dict[str, tuple[str, Callable[[int], Lines], int, int]] = {
    "standing": ("Standing", of_standing.lines, 100, 1_000),
    "honest": ("Check: honest reruns that fail", of_check.honest, 400, 5_000),
    "power": ("Check: changes that are found", of_check.power, 400, 4_000),
    "bounds": ("Check: what no test can exceed", of_bounds.bounds, 4_000, 20_000),
    "race": ("Race", of_race.lines, 2_000, 20_000),
}
"""Heading, what makes the lines, and how many experiments are simulated for each, quickly and in full."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table in Markdown for each part that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.verdicts.calibration", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--full", action="store_true", help="as many experiments as the documented table has")
    args = parser.parse_args(arguments)
    for name in args.parts:
        if name not in PARTS:
            parser.error(f"unknown part {name!r}; parts are: {', '.join(PARTS)}")
    for name in args.parts or PARTS:
        heading, lines, quick, full = PARTS[name]
        count = full if args.full else quick
        print(f"\n| {heading} ({count} simulated each) | required | found |\n|---|---|---|", flush=True)
        for what, required, found in lines(count):
            print(f"| {what} | {required} | {found} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
