"""``dst-bench check``: stored results against stored expected values."""

import argparse
from typing import TYPE_CHECKING

from benchmark.commands.arguments import (
    add_expected,
    add_experiment,
    add_json,
    experiment_of,
    required_values,
    results_of,
    study_of,
    tell_results,
)
from benchmark.commands.ci_output import add_ci, tell_ci, telling_ci

if TYPE_CHECKING:
    from benchmark.commands.ci_output import Told

SUMMARY = "compare results with the stored expected values"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which results, and against which values."""
    add_experiment(parser)
    add_expected(parser)
    add_json(parser)
    add_ci(parser)


def main(args: argparse.Namespace) -> int:
    """Print the verdicts; status 1 where a cell, a criterion or the verdict on a claim deviates."""
    with telling_ci(args) as told:
        return _check(args, told)


def _check(args: argparse.Namespace, told: "list[Told]") -> int:
    experiment = experiment_of(args)
    study = study_of(args, experiment, required_values(args, experiment, args.experiment))
    from benchmark.verdicts.check import check_study
    from benchmark.verdicts.rendering import as_json, render

    outcome = check_study(study)
    print(as_json(outcome) if args.json else render(outcome))
    tell_results(results_of(args, experiment), aside=args.json)
    told.append(outcome)
    tell_ci(args, told)
    return outcome.exit_status(strict=args.strict)
