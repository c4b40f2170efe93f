"""``dst-bench info``: versions, device, and where data are looked for; what to put into a bug report."""

import argparse
import platform

from tabulate import tabulate

from benchmark.data import available
from benchmark.data.published import data_root
from benchmark.system.device import choose_device, environment


def main(args: argparse.Namespace) -> int:
    """Print two columns."""
    device = choose_device(args.device)
    rows = [*environment(device).items(), ("system", platform.platform())]
    rows += [("data folder", data_root(args.data_dir)), ("data sets", ", ".join(available()))]
    print(tabulate(rows, tablefmt="plain"))
    return 0
