"""``dst-bench info``: versions, processor, and where data are looked for; what to put into a bug report."""

import argparse

from benchmark.commands.arguments import add_data_dir, add_results
from benchmark.commands.table import print_table
from benchmark.system.device import DEVICES

SUMMARY = "print versions, the processor, and where data are looked for"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether torch is asked, and the folder of data sets."""
    add_data_dir(parser)
    add_results(parser)
    parser.add_argument(
        "--device", choices=DEVICES, help="say also what torch makes of this device, for which it is imported (seconds)"
    )


def main(args: argparse.Namespace) -> int:
    """Print two columns."""
    from benchmark.data import available
    from benchmark.data.published import data_root
    from benchmark.system.device import choose_device, environment, installed

    rows: list[tuple[str, object]] = list(installed().items())
    if args.device is None:
        rows.append(("device", "`dst-bench info --device auto` asks torch, which takes seconds"))
    else:
        device = choose_device(args.device)
        known = environment(device)
        rows += [("device", f"{device}: {known['device']}"), ("threads", known["threads"])]
    rows += [("data folder", data_root(args.data_dir)), ("data sets", ", ".join(available()))]
    rows.append(("results folder", args.results.absolute()))
    print_table(rows)
    return 0
