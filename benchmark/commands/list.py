"""``dst-bench list``: what is installed, with the distribution that it comes from."""

import argparse

from tabulate import tabulate

from benchmark.commands.cli import LISTABLE
from benchmark.experiments.cost import training_flops
from benchmark.experiments.experiment import experiment_files, load_experiment
from benchmark.experiments.runs import expand
from criteria.plugins import entry_points_of, names, summary

RATES = {"two CPU cores": 1e11, "one GPU": 1e13}
"""Floating-point operations per second that training reaches, to a factor of a few: measured with our own fleets."""
COST = (
    "FLOPs: of all runs, every example forward and backward (3 forward passes), with sparse weights stored densely; "
    "times: at "
    + " and ".join(f"{rate:.0e} FLOP/s ({device})" for device, rate in RATES.items())
    + ", right to a factor of a few; --dry-run measures"
)
EXPERIMENT = ["name", "figure", "runs", "FLOPs", *RATES, "title"]
KIND = {"criteria": "criterion", "growth": "growth", "baselines": "baseline"}


def main(args: argparse.Namespace) -> int:
    """Print a table for each kind asked for."""
    wanted = [args.what] if args.what else LISTABLE
    for what in wanted:
        rows = _experiments() if what == "experiments" else _plugins(KIND[what])
        headers = EXPERIMENT if what == "experiments" else ["name", "from", "what it is"]
        print(f"{what}\n{tabulate(rows, headers)}\n")
    if "experiments" in wanted:
        print(f"{COST}\n")
    return 0


def _plugins(kind: str) -> list[list[str]]:
    rows = []
    for name in names(kind):
        dist = entry_points_of(kind)[name].dist
        rows.append([name, f"{dist.name} {dist.version}" if dist else "?", summary(name, kind)])
    return rows


def _experiments() -> list[list[object]]:
    rows: list[list[object]] = []
    for name in experiment_files():
        experiment = load_experiment(name)
        flops = training_flops(experiment)
        times = (_about(flops / rate) for rate in RATES.values())
        rows.append([name, experiment.figure, len(expand(experiment)), f"{flops:.0e}", *times, experiment.title])
    return rows


def _about(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:,.0f} {unit}"
    return "< 1 min"
