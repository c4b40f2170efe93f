"""``dst-bench report``: an experiment's results as files to read and to use."""

import argparse
from pathlib import Path

from benchmark.check import render
from benchmark.commands.check import compare
from benchmark.expected import expected_file
from benchmark.experiment import Experiment
from benchmark.grid import expand
from benchmark.report.tables import results_csv, results_table
from benchmark.results import stored_results, write_atomically
from benchmark.selection import selected_experiment
from criteria.errors import InputError


def main(args: argparse.Namespace) -> int:
    """Write the report and say where it is."""
    folder = write_report(selected_experiment(args.experiment, args), args)
    print(f"wrote {folder}")
    return 0


def write_report(experiment: Experiment, args: argparse.Namespace) -> Path:
    """Tables as text, Markdown and CSV, and the check where there are expected values; returns their folder."""
    results = stored_results(expand(experiment), args.results)
    if not results:
        raise InputError(f"{experiment.name} has no results in {args.results}; run it first")
    folder: Path = args.out / experiment.name
    write_atomically(folder / "results.txt", results_table(experiment, results))
    write_atomically(folder / "results.md", results_table(experiment, results, "github"))
    write_atomically(folder / "results.csv", results_csv(experiment, results))
    if has_expected(experiment, args):
        write_atomically(folder / "check.txt", render(compare(experiment, args)))
    return folder


def has_expected(experiment: Experiment, args: argparse.Namespace) -> bool:
    """Whether expected values of the experiment are stored."""
    try:
        expected_file(experiment.name, args.expected)
    except InputError:
        return False
    return True
