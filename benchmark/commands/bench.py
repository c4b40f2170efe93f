"""``dst-bench bench``: how fast the parts of the project are, each beside a rival."""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from importlib import import_module

from tabulate import tabulate

from benchmark.system.device import choose_device, environment
from benchmark.timing import PARTS
from benchmark.timing.comparison import Comparison, Skipped
from criteria.plugins import unknown


def main(args: argparse.Namespace) -> int:
    """Print a table of times and ratios; however slow the machine is, the status is 0."""
    for part in args.parts:
        if part not in PARTS:
            raise unknown("part", part, PARTS)
    device = choose_device(args.device)
    found: list[Comparison | Skipped] = []
    for part in args.parts or PARTS:
        print(f"timing {part} …", file=sys.stderr)
        found += import_module(f"benchmark.timing.{part}").comparisons(device, args.data_dir)
    comparisons = [each for each in found if isinstance(each, Comparison)]
    skipped = [each for each in found if isinstance(each, Skipped)]
    if args.json:
        content = {
            "environment": environment(device),
            "comparisons": [asdict(each) for each in comparisons],
            "skipped": [asdict(each) for each in skipped],
        }
        print(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        print(_table(comparisons))
        print("".join(f"\nskipped {each.about}: {each.reason}" for each in skipped))
    return 0


def _table(comparisons: Iterable[Comparison]) -> str:
    rows = [
        (
            each.about,
            each.what,
            _time(each.seconds),
            each.rival,
            _time(each.rival_seconds),
            f"{each.ratio:.2f}",
            f"{each.lowest:.2f} – {each.highest:.2f}",
        )
        for each in comparisons
    ]
    headers = ("", "", "takes", "and", "takes", "ratio", "of rounds")
    aligned = ("left", "left", "right", "left", "right", "right", "right")
    table = tabulate(rows, headers, disable_numparse=True, colalign=aligned)
    return f"{table}\n\nMedians of rounds that time both in turn; training is per optimizer step of one network."


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"
