"""``dst-bench run``: train what has no result yet, and print what there is then."""

import argparse
from typing import TYPE_CHECKING

from benchmark.commands.arguments import (
    add_dry_run,
    add_experiment,
    add_training,
    experiment_of,
    options_of,
    part_of,
    results_of,
)
from criteria.errors import InputError

if TYPE_CHECKING:
    from benchmark.experiments.experiment import Experiment
    from benchmark.running.options import Options

SUMMARY = "train the runs of an experiment that have no result yet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which runs, and how and where they are trained."""
    add_experiment(parser)
    add_training(parser)
    parser.add_argument("--no-wait", action="store_true", help="end when all that is missing is trained by others")
    add_dry_run(parser)
    parser.add_argument(
        "--synthetic", action="store_true", help="with --dry-run: train a few steps of everything, on synthetic data"
    )
    group = parser.add_argument_group("where it trains (here, unless you choose)")
    group.add_argument("--executor", choices=("local", "slurm"), default="local", help="slurm: as an array of tasks")
    group.add_argument("--tasks", type=int, default=1, metavar="N", help="tasks of the array, which share the work")
    group.add_argument(
        "--slurm", action="append", default=[], metavar="KEY=VALUE", help="an option of sbatch, as in partition=gpu"
    )
    group.add_argument("--detach", action="store_true", help="do not wait for the array")


def main(args: argparse.Namespace) -> int:
    """Run, or with ``--dry-run`` only plan or rehearse, one experiment."""
    if args.synthetic and not args.dry_run:
        raise InputError("--synthetic makes no results worth keeping; add --dry-run, which keeps none")
    if args.executor == "local" and (args.tasks != 1 or args.slurm or args.detach):
        raise InputError("--tasks, --slurm and --detach are of an array of tasks; add --executor slurm")
    experiment, options = experiment_of(args), options_of(args)
    folder = results_of(args, experiment)
    if args.synthetic:
        print(_rehearse(experiment, options))
        return 0
    from benchmark.report.tables import results_table
    from benchmark.running.missing import dry_run, train_missing
    from benchmark.verdicts.study import Study, load_study

    if args.dry_run:
        print(dry_run(experiment, folder, options))
        return 0
    if args.executor == "slurm":
        _train_on_slurm(args)
        study = load_study(experiment, folder)
    else:
        study = Study(experiment, train_missing(experiment, folder, options))
    print(results_table(study))
    return 0


def _rehearse(experiment: "Experiment", options: "Options") -> str:
    """What came of a few steps of everything, in words."""
    from benchmark.running.rehearsal import STEPS, rehearse

    done = rehearse(experiment, options)
    configured = max(setup.training.batch_size for _, setup in experiment.setups)
    cut = "" if done.batch_size == configured else f", not {configured}, which would take long"
    return (
        f"{experiment.name}: {done.configurations} configurations trained for {STEPS} steps on {done.device} and "
        f"synthetic data, evaluated, stored and read back; {done.diverged} diverged; batch size {done.batch_size}{cut}"
    )


def _train_on_slurm(args: argparse.Namespace) -> None:
    """Train on a cluster; the tasks choose their device, which this machine need not have."""
    from benchmark.running.slurm import Array, ArrayTask, train_on_slurm

    task = ArrayTask(args.experiment, part_of(args), args.results, options_of(args))
    train_on_slurm(task, Array(args.tasks, tuple(args.slurm), args.detach))
