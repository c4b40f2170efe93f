"""``dst-bench status``: what is done, running and waiting, and who trains where."""

import argparse
from datetime import UTC, datetime

from tabulate import tabulate

from benchmark.experiments.part import selected_experiment
from benchmark.experiments.runs import expand
from benchmark.running.progress import duration
from benchmark.running.status import Status, WorkerStatus, status


def main(args: argparse.Namespace) -> int:
    """Print a few lines and a table, or JSON."""
    experiment = selected_experiment(args.experiment, args)
    found = status(experiment.name, expand(experiment), args.results)
    print(found.model_dump_json(indent=2) if args.json else _text(found))
    return 0


def _text(found: Status) -> str:
    diverged = f" ({found.diverged} diverged)" if found.diverged else ""
    failed = f" ({found.failed} failed)" if found.failed else ""
    lines = [
        f"{found.experiment}: {found.done} of {found.runs} runs done{diverged}, "
        f"{found.running} running, {found.waiting} waiting{failed}"
    ]
    lines += [
        f"{each.runs} runs will go on from a checkpoint at step {each.step} of {each.total_steps}"
        for each in found.unfinished
    ]
    lines += [f"{each.runs} runs failed ({each.time}): {each.error}" for each in found.failures]
    if found.workers:
        headers = ("host", "process", "device", "runs", "for", "how far")
        rows = [(each.host, each.pid, each.device, each.runs, _since(each), _how_far(each)) for each in found.workers]
        lines += ["", tabulate(rows, headers)]
    return "\n".join(lines)


def _since(worker: WorkerStatus) -> str:
    return duration(max(0.0, (datetime.now(UTC) - worker.since).total_seconds()))


def _how_far(worker: WorkerStatus) -> str:
    if not worker.alive:
        return "died"
    if not worker.runs:
        return "waits for others"
    if not worker.total_steps:
        return "has just begun"
    return f"step {worker.step:,} of {worker.total_steps:,} ({worker.step / worker.total_steps:.0%})"
