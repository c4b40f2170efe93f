"""``dst-bench run``: train what has no result yet, and print what there is then."""

import argparse
import sys
from collections.abc import Sequence

from benchmark.experiments.experiment import Experiment
from benchmark.experiments.part import selected_experiment
from benchmark.experiments.results import results_folder, stored_results
from benchmark.experiments.runs import cells, expand
from benchmark.report.tables import results_table
from benchmark.running.gate import require_contract
from benchmark.running.plan import estimate_seconds, plan
from benchmark.running.progress import Progress, duration
from benchmark.running.rehearsal import STEPS, Rehearsal, rehearse
from benchmark.running.sharing import Options, tidy, train_missing
from benchmark.running.slurm import train_on_slurm
from benchmark.system import communication
from benchmark.system.device import choose_device
from benchmark.system.files import require_writable
from criteria.errors import InputError


def main(args: argparse.Namespace) -> int:
    """Run, or with ``--dry-run`` only plan or rehearse, one experiment."""
    if args.synthetic and not args.dry_run:
        raise InputError("--synthetic makes no results worth keeping; add --dry-run, which keeps none")
    experiment = selected_experiment(args.experiment, args)
    if args.synthetic:
        device = choose_device(args.device)
        done = rehearse(experiment, device)
        print(
            f"{experiment.name}: {done.configurations} configurations trained for {STEPS} steps on {device} and "
            f"synthetic data, evaluated, stored and read back; {done.diverged} diverged; {_batch(done, experiment)}"
        )
        return 0
    if args.dry_run:
        device = choose_device(args.device)
        work = plan(expand(experiment), args.results, device, args.data_dir, fresh=args.fresh, most=args.fleet)
        about = duration(estimate_seconds(work.fleets, device, args.data_dir))
        print(
            f"{experiment.name}: {len(work.finished)} runs stored, {work.missing} to train "
            f"in {len(work.fleets)} fleets on {device}, about {about}"
        )
        return 0
    if args.executor == "slurm":
        _send_to_slurm(experiment, args)
    else:
        train(experiment, args)
    print(results_table(experiment, stored_results(expand(experiment), args.results)))
    return 0


def _send_to_slurm(experiment: Experiment, args: argparse.Namespace) -> None:
    """Train on a cluster; the tasks choose their device, which this machine need not have."""
    if not args.no_contract:
        require_contract(cells(experiment), compared(experiment))
    train_on_slurm(experiment, args)


def compared(experiment: Experiment) -> Sequence[str]:
    """The criteria whose choices the experiment compares, which train nothing."""
    return () if experiment.measure.jaccard is None else experiment.measure.jaccard.criteria


def _batch(done: Rehearsal, experiment: Experiment) -> str:
    configured = experiment.training.batch_size
    cut = "" if done.batch_size == configured else f", not {configured}, which would take long"
    return f"batch size {done.batch_size}{cut}"


def train(experiment: Experiment, args: argparse.Namespace) -> None:
    """Train the runs of ``experiment`` that have no stored result."""
    device = choose_device(args.device)
    runs = expand(experiment)
    work = plan(runs, args.results, device, args.data_dir, fresh=args.fresh, most=args.fleet)
    if not args.no_contract and communication.rank() == 0:
        require_contract((run.cell for fleet in work.fleets for run in fleet), compared(experiment))
    if work.fleets:
        require_writable(results_folder(args.results, experiment.name))  # not only when hours have been trained
    print(
        f"{experiment.name}: {len(work.finished)} runs stored, {work.missing} to train "
        f"in {len(work.fleets)} fleets on {device}",
        file=sys.stderr,
    )
    if not work.missing:
        if runs and communication.rank() == 0:
            tidy(runs, args.results)
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
