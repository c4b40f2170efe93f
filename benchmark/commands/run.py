"""``dst-bench run``: train what has no result yet, and print what there is then."""

import argparse
import sys

from benchmark.device import choose_device
from benchmark.experiment import Experiment
from benchmark.gate import require_contract
from benchmark.grid import expand
from benchmark.progress import Progress, duration
from benchmark.report.tables import results_table
from benchmark.results import stored_results
from benchmark.runner import estimate_seconds, plan
from benchmark.selection import selected_experiment
from benchmark.sharing import Options, train_missing


def main(args: argparse.Namespace) -> int:
    """Run, or with ``--dry-run`` only plan, one experiment."""
    experiment = selected_experiment(args.experiment, args)
    if args.dry_run:
        device = choose_device(args.device)
        work = plan(expand(experiment), args.results, device, args.data_dir, fresh=args.fresh, most=args.fleet)
        about = duration(estimate_seconds(work.fleets, device, args.data_dir))
        print(
            f"{experiment.name}: {len(work.finished)} runs stored, {work.missing} to train "
            f"in {len(work.fleets)} fleets on {device}, about {about}"
        )
        return 0
    train(experiment, args)
    print(results_table(experiment, stored_results(expand(experiment), args.results)))
    return 0


def train(experiment: Experiment, args: argparse.Namespace) -> None:
    """Train the runs of ``experiment`` that have no stored result."""
    device = choose_device(args.device)
    runs = expand(experiment)
    work = plan(runs, args.results, device, args.data_dir, fresh=args.fresh, most=args.fleet)
    if not args.no_contract:
        require_contract(run.cell for fleet in work.fleets for run in fleet)
    print(
        f"{experiment.name}: {len(work.finished)} runs stored, {work.missing} to train "
        f"in {len(work.fleets)} fleets on {device}",
        file=sys.stderr,
    )
    if not work.missing:
        return
    options = Options(
        device=device,
        data_dir=args.data_dir,
        most=args.fleet,
        checkpoint_seconds=args.checkpoint,
        wait=not args.no_wait,
        fresh=args.fresh,
        contract_skipped=args.no_contract,
    )
    with Progress(work.missing) as progress:
        train_missing(runs, args.results, options, progress)
