"""``dst-bench list``: what is installed, with the distribution that it comes from."""

import argparse
import sys

from benchmark.commands.table import print_table
from criteria.errors import InputError, PluginError

SUMMARY = "say what is installed"
RATES = {"two CPU cores": 1e11, "one GPU": 1e13}
"""Floating-point operations per second that training reaches, to a factor of a few: measured with our own fleets."""
COST = (
    "FLOPs count all runs, with every example forward and backward (as much as 3 forward passes) and sparse weights "
    "stored densely. Times are those at "
    + " and ".join(f"{rate:.0e} FLOP/s ({device})" for device, rate in RATES.items())
    + ", right to a factor of a few; `dst-bench run EXPERIMENT --dry-run` measures them."
)
EXPERIMENT = ("name", "figure", "runs", "FLOPs", *RATES, "title")
KINDS = {
    "criteria": "criterion",
    "growth": "growth",
    "schedules": "schedule",
    "baselines": "baseline",
    "models": "model",
    "data": "data",
    "claims": "claim",
}
"""The kind of plugin that each of them is."""
LISTABLE = (*KINDS, "experiments")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to list."""
    parser.add_argument("what", nargs="?", choices=LISTABLE, help="only these (all, unless you choose)")


def main(args: argparse.Namespace) -> int:
    """Print a table for each kind asked for."""
    wanted = [args.what] if args.what else LISTABLE
    for what in wanted:
        if what == "experiments":
            print_table(_experiments(), EXPERIMENT, right=range(2, 6), title=what)
            print(f"\n{COST}\n")
        else:
            print_table(_plugins(KINDS[what]), ("name", "from", "what it is"), title=what)
            print()
    _tell_of_unreadable_distributions()
    return 0


def _plugins(kind: str) -> list[list[str]]:
    from criteria.plugins import registered, summaries

    told = summaries(kind)
    return [[name, f"{each.distribution} {each.version}", told[name]] for name, each in registered(kind).items()]


def _experiments() -> list[list[object]]:
    from benchmark.experiments.cost import training_flops
    from benchmark.experiments.experiment import experiment_files, load_experiment
    from benchmark.experiments.runs import expand

    rows: list[list[object]] = []
    for name in experiment_files():
        try:
            experiment = load_experiment(name)
            runs = expand(experiment)
            flops = training_flops(runs)
        except (InputError, PluginError) as error:  # such as of another distribution that is not up to date
            print(f"dst-bench: experiment {name!r} is left out: {error}", file=sys.stderr)
            continue
        times = (_about(flops / rate) for rate in RATES.values())
        figure = experiment.figure or ""
        rows.append([name, figure, len(runs), f"{flops:.0e}", *times, experiment.title])
    return rows


def _about(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:,.0f} {unit}"
    return "< 1 min"


def _tell_of_unreadable_distributions() -> None:
    from criteria.plugins.registry import unreadable

    for line in unreadable().values():
        print(f"dst-bench: {line}", file=sys.stderr)
