"""``dst-bench report``: an experiment's results as files to read and to use."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands.arguments import (
    add_expected,
    add_experiment,
    add_out,
    experiment_of,
    part_of,
    results_of,
    study_of,
    tell_results,
    values_of,
)
from criteria.errors import InputError

if TYPE_CHECKING:
    from benchmark.verdicts.study import Study

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
    others = [part_of(args).select(name) for name in args.against]
    study = _with_results(study_of(args, experiment, values_of(args, experiment)), args.results)
    against = [_with_results(study_of(args, other), args.results) for other in others]
    from benchmark.report.findings import Findings
    from benchmark.report.writing import write_report

    place = args.out / experiment.name
    print(f"wrote {write_report(place, Findings(study, against))}")
    tell_results(results_of(args, experiment))
    return 0


def _with_results(study: "Study", results: Path) -> "Study":
    """The study; raises :class:`InputError` where it has no results to report."""
    if not study.results:
        raise InputError(f"{study.experiment.name} has no results in {results}; run it first")
    return study
