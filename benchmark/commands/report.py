"""``dst-bench report``: an experiment's results as files to read and to use."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmark.commands.check import compare
from benchmark.experiments.experiment import Experiment
from benchmark.experiments.part import selected_experiment
from benchmark.experiments.results import Results, samples, stored_results
from benchmark.experiments.runs import expand
from benchmark.report.writing import write_files
from benchmark.verdicts.claims import claims
from benchmark.verdicts.contrasts import between_experiments
from benchmark.verdicts.expected import expected_file, read_expected
from criteria.errors import InputError


def main(args: argparse.Namespace) -> int:
    """Write the report and say where it is."""
    others = [selected_experiment(name, args) for name in args.against]
    folder = write_report(selected_experiment(args.experiment, args), args, others)
    print(f"wrote {folder}")
    return 0


def write_report(experiment: Experiment, args: argparse.Namespace, others: Sequence[Experiment] = ()) -> Path:
    """Tables, figures and one page, with the check where there are expected values; returns their folder.

    Each of ``others`` is what the experiment is then compared with.
    """
    results = _results(experiment, args)
    against = [between_experiments((experiment, results), (other, _results(other, args))) for other in others]
    checked = None
    if has_expected(experiment, args):
        checked = compare(experiment, args), read_expected(expected_file(experiment.name, args.expected))
    folder: Path = args.out / experiment.name
    write_files(folder, experiment, results, checked, claims(samples(results), experiment.tolerance), against)
    return folder


def _results(experiment: Experiment, args: argparse.Namespace) -> Results:
    results = stored_results(expand(experiment), args.results)
    if not results:
        raise InputError(f"{experiment.name} has no results in {args.results}; run it first")
    return results


def has_expected(experiment: Experiment, args: argparse.Namespace) -> bool:
    """Whether expected values of the experiment are stored."""
    try:
        expected_file(experiment.name, args.expected)
    except InputError:
        return False
    return True
