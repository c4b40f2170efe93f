"""``dst-bench pack``: an experiment's results as one file, to take to another machine."""

import argparse
from pathlib import Path

from benchmark.commands.arguments import add_experiment, experiment_of, path_of, results_of, study_of, tell_results
from benchmark.system.quantity import quantity
from criteria.errors import InputError

SUMMARY = "put an experiment's results into one compressed file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which results, and the file."""
    add_experiment(parser)
    parser.add_argument("--to", type=path_of, metavar="FILE", help="default: EXPERIMENT.runs.jsonl.xz here")


def main(args: argparse.Namespace) -> int:
    """Write the archive of the results that are there; those that are missing may follow in another one."""
    from benchmark.experiments.archive import SUFFIX, write_archive

    if args.to is not None and not args.to.name.endswith(SUFFIX):
        raise InputError(f"--to {args.to}: name a file that ends in {SUFFIX}, by which `dst-bench unpack` knows it")
    study = study_of(args, experiment_of(args))
    study.require_results(args.results)
    path = args.to or Path(study.experiment.name + SUFFIX)
    write_archive(study.results, path)
    print(f"{path}: packed {quantity(len(study.results), 'result')} of {study.experiment.name}")
    tell_results(results_of(args, study.experiment))
    return 0
