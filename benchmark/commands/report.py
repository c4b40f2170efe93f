"""``dst-bench report``: an experiment's results as files to read and to use."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmark.commands.arguments import (
    add_expected,
    add_experiment,
    add_out,
    experiment_of,
    part_of,
    results_of,
    study_of,
    tell_doubts,
    tell_results,
    values_of,
)

if TYPE_CHECKING:
    from benchmark.experiments.experiment import Experiment
    from benchmark.report.remaking import Asked
    from benchmark.verdicts.study import Study
    from benchmark.verdicts.values import Values

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
    parser.add_argument(
        "--stored", action="store_true", help="report the results that the expected values were made of, not your own"
    )
    add_expected(parser)
    add_out(parser)


def main(args: argparse.Namespace) -> int:
    """Write the report and say where it is."""
    experiment = experiment_of(args)
    others = [(name, part_of(args).select(name)) for name in args.against]
    values = values_of(args, experiment, args.experiment)
    tell_doubts(values)
    study = _with_results(args, experiment, args.experiment, values)
    against = [_with_results(args, other, name) for name, other in others]
    from benchmark.report.findings import Findings
    from benchmark.report.writing import write_report

    asked = asked_of(args, args.experiment, args.against)
    place = args.out / experiment.name
    print(f"wrote {write_report(place, Findings(study, against, asked))}")
    if not args.stored:
        tell_results(results_of(args, experiment))
    return 0


def asked_of(args: argparse.Namespace, experiment: str, against: Sequence[str] = ()) -> "Asked":
    """What the arguments ask for of an experiment, which is given as they have it."""
    from benchmark.report.remaking import Asked

    expected = str(args.expected) if args.expected is not None else None
    return Asked(experiment, tuple(part_of(args).options), tuple(against), expected)


def _with_results(
    args: argparse.Namespace, experiment: "Experiment", named: str, values: "Values | None" = None
) -> "Study":
    """The study of the results that are asked for; raises :class:`InputError` where there are none to report."""
    from benchmark.experiments.archive import read_archive
    from benchmark.verdicts.expected import stored_archive

    path = stored_archive(experiment.name, args.expected, named) if args.stored else None
    study = study_of(args, experiment, values, read_archive(path) if path else None)
    study.require_results(path or args.results)
    return replace(study, is_stored=args.stored)
