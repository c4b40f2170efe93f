"""``dst-bench report``: an experiment's results as files to read and to use."""

import argparse

from benchmark.commands.arguments import (
    add_expected,
    add_experiment,
    add_out,
    expected_of,
    experiment_of,
    part_of,
    study_of,
)

SUMMARY = "write tables, figures and one HTML page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which results, what to compare them with, and where to write."""
    add_experiment(parser)
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="OTHER",
        help="an experiment to compare with, cell by cell and seed by seed, such as one that differs in one setting",
    )
    add_expected(parser)
    add_out(parser)


def main(args: argparse.Namespace) -> int:
    """Write the report and say where it is."""
    experiment = experiment_of(args)
    others = [part_of(args).of(name) for name in args.against]
    from benchmark.report.writing import write_report

    against = [study_of(args, other) for other in others]
    study = study_of(args, experiment, expected_of(args, experiment))
    print(f"wrote {write_report(study, args.out / experiment.name, against)}")
    return 0
