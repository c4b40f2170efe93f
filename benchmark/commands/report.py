"""``dst-bench report``: an experiment's results as files to read and to use."""

import argparse
from pathlib import Path

from benchmark.claims import claims
from benchmark.commands.check import compare
from benchmark.expected import expected_file, read_expected
from benchmark.experiment import Experiment
from benchmark.grid import expand
from benchmark.report.files import write_files
from benchmark.results import samples, stored_results
from benchmark.selection import selected_experiment
from criteria.errors import InputError


def main(args: argparse.Namespace) -> int:
    """Write the report and say where it is."""
    folder = write_report(selected_experiment(args.experiment, args), args)
    print(f"wrote {folder}")
    return 0


def write_report(experiment: Experiment, args: argparse.Namespace) -> Path:
    """Tables, figures and one page, with the check where there are expected values; returns their folder."""
    results = stored_results(expand(experiment), args.results)
    if not results:
        raise InputError(f"{experiment.name} has no results in {args.results}; run it first")
    checked = None
    if has_expected(experiment, args):
        checked = compare(experiment, args), read_expected(expected_file(experiment.name, args.expected))
    folder: Path = args.out / experiment.name
    write_files(folder, experiment, results, checked, claims(samples(results), experiment.tolerance))
    return folder


def has_expected(experiment: Experiment, args: argparse.Namespace) -> bool:
    """Whether expected values of the experiment are stored."""
    try:
        expected_file(experiment.name, args.expected)
    except InputError:
        return False
    return True
