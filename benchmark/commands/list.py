"""``dst-bench list``: what is installed, with the distribution that it comes from."""

import argparse

from tabulate import tabulate

from benchmark.cli import LISTABLE
from benchmark.experiment import experiment_files, load_experiment
from benchmark.grid import expand
from criteria.plugins import entry_points_of, names, summary

KIND = {"criteria": "criterion", "growth": "growth", "baselines": "baseline"}


def main(args: argparse.Namespace) -> int:
    """Print a table for each kind asked for."""
    wanted = [args.what] if args.what else LISTABLE
    for what in wanted:
        rows = _experiments() if what == "experiments" else _plugins(KIND[what])
        headers = ["name", "runs", "title"] if what == "experiments" else ["name", "from", "what it is"]
        print(f"{what}\n{tabulate(rows, headers)}\n")
    return 0


def _plugins(kind: str) -> list[list[str]]:
    rows = []
    for name in names(kind):
        dist = entry_points_of(kind)[name].dist
        rows.append([name, f"{dist.name} {dist.version}" if dist else "?", summary(name, kind)])
    return rows


def _experiments() -> list[list[object]]:
    experiments = [load_experiment(name) for name in experiment_files()]
    return [[e.name, len(expand(e)), e.title] for e in experiments]
