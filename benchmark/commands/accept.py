"""``dst-bench accept``: the only command that writes expected values."""

import argparse
from datetime import UTC, datetime

from benchmark.commands.arguments import add_experiment, experiment_of, folder, study_of

SUMMARY = "store the present results as measured expected values"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which results, and where to."""
    add_experiment(parser)
    parser.add_argument(
        "--expected", type=folder, metavar="DIR", help="folder to write into (default: expected_results here)"
    )


def main(args: argparse.Namespace) -> int:
    """Store the results of an experiment as its ``measured`` expected values."""
    experiment = experiment_of(args)
    study = study_of(args, experiment)
    from benchmark.experiments.runs import expand
    from benchmark.verdicts.accepting import accept_study
    from benchmark.verdicts.expected import HERE
    from criteria.errors import InputError

    total = len(expand(experiment))
    if len(study.results) < total:
        raise InputError(
            f"{total - len(study.results)} of {total} runs of {experiment.name} have no result in {args.results}; "
            "run the experiment first, or select the part that is there"
        )
    path = (args.expected or HERE) / f"{experiment.name}.yaml"
    accept_study(study, path, datetime.now(UTC).date())
    cells = len(study.samples)
    print(f"{path}: stored {len(study.results)} results of {cells} cells; review the change and commit it")
    return 0
