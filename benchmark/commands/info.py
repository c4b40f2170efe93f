"""``dst-bench info``: versions, device, and where data are looked for; what to put into a bug report."""

import argparse
import platform

from tabulate import tabulate

from benchmark.data import available, locate
from benchmark.device import choose_device, environment


def main(args: argparse.Namespace) -> int:
    """Print two columns."""
    device = choose_device(args.device)
    rows = [*environment(device).items(), ("system", platform.platform())]
    rows += [(f"data: {name}", locate(name, args.data_dir)) for name in available()]
    print(tabulate(rows, tablefmt="plain"))
    return 0
