"""``dst-bench check``: stored results against stored expected values."""

import argparse
from dataclasses import replace

from benchmark.experiments.experiment import Experiment
from benchmark.experiments.part import narrowed, selected_experiment
from benchmark.experiments.results import samples, stored_results
from benchmark.experiments.runs import expand
from benchmark.report.tables import unproven
from benchmark.verdicts.check import CheckOutcome, as_json, check, render
from benchmark.verdicts.expected import expected_file, read_expected
from criteria.errors import InputError


def main(args: argparse.Namespace) -> int:
    """Print the verdicts; status 1 where a cell, a criterion or the verdict on a claim deviates."""
    experiment = selected_experiment(args.experiment, args)
    outcome = compare(experiment, args)
    print(as_json(outcome) if args.json else render(outcome))
    return outcome.exit_status(strict=args.strict)


def compare(experiment: Experiment, args: argparse.Namespace) -> CheckOutcome:
    """The check of the part of an experiment that was asked for."""
    path = expected_file(experiment.name, args.expected)
    expected = read_expected(path)
    if expected.metric != experiment.metric:
        raise InputError(f"{path}: holds {expected.metric}; the experiment's metric is {experiment.metric}")
    results = stored_results(expand(experiment), args.results)
    outcome = check(samples(results), narrowed(expected, experiment, args))
    marked = [f"{cell}: trained with --no-contract" for cell in sorted(unproven(results))]
    return replace(outcome, warnings=(*outcome.warnings, *marked))
