"""``dst-bench run``: train what has no result yet, and print what there is then."""

import argparse
import sys

from benchmark.device import choose_device
from benchmark.experiment import Experiment
from benchmark.files import require_writable
from benchmark.gate import require_contract
from benchmark.grid import cells, expand
from benchmark.progress import Progress, duration
from benchmark.report.tables import results_table
from benchmark.results import results_folder, stored_results
from benchmark.runner import estimate_seconds, plan, run_fleets
from benchmark.selection import selected_experiment
from benchmark.slurm import train_on_slurm


def main(args: argparse.Namespace) -> int:
    """Run, or with ``--dry-run`` only plan, one experiment."""
    experiment = selected_experiment(args.experiment, args)
    if args.dry_run:
        device = choose_device(args.device)
        work = plan(expand(experiment), args.results, device, args.data_dir, fresh=args.fresh)
        about = duration(estimate_seconds(work.fleets, device, args.data_dir))
        print(
            f"{experiment.name}: {len(work.finished)} runs stored, {work.missing} to train "
            f"in {len(work.fleets)} fleets on {device}, about {about}"
        )
        return 0
    if args.executor == "slurm":
        if not args.no_contract:
            require_contract(cells(experiment))
        train_on_slurm(experiment, args)
    else:
        train_missing(experiment, args)
    print(results_table(experiment, stored_results(expand(experiment), args.results)))
    return 0


def train_missing(experiment: Experiment, args: argparse.Namespace) -> None:
    """Train the runs of ``experiment`` that have no stored result."""
    device = choose_device(args.device)
    work = plan(expand(experiment), args.results, device, args.data_dir, fresh=args.fresh)
    if not args.no_contract:
        require_contract(run.cell for fleet in work.fleets for run in fleet)
    if work.fleets:
        require_writable(results_folder(args.results, experiment.name))  # not only when hours have been trained
    print(
        f"{experiment.name}: {len(work.finished)} runs stored, {work.missing} to train "
        f"in {len(work.fleets)} fleets on {device}",
        file=sys.stderr,
    )
    with Progress(work.missing) as progress:
        run_fleets(work.fleets, args.results, device, args.data_dir, progress, contract_skipped=args.no_contract)
