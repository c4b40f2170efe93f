"""``dst-bench status``: what is done, running and waiting, and who trains where."""

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmark.commands.arguments import add_experiment, add_json, experiment_of, results_of, tell_results
from benchmark.commands.table import print_table
from benchmark.system.quantity import quantity

if TYPE_CHECKING:
    from benchmark.running.status import Status, WorkerStatus

SUMMARY = "say what is done, running and waiting, and who trains where"
HEADERS = ("host", "process", "device", "runs", "for", "how far")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which runs."""
    add_experiment(parser)
    add_json(parser)


def main(args: argparse.Namespace) -> int:
    """Print a few lines and a table, or JSON."""
    experiment = experiment_of(args)
    from benchmark.experiments.runs import expand
    from benchmark.running.status import status
    from benchmark.verdicts.json_output import document

    results = results_of(args, experiment)
    found = status(expand(experiment), results)
    if args.json:
        print(document(found.model_dump(mode="json")))
        tell_results(results, aside=True)
        return 0
    print("\n".join(_lines(found)))
    tell_results(results)
    if found.workers:
        print()
        print_table(map(_row, found.workers), HEADERS, right=(1, 3))
    return 0


def _lines(found: "Status") -> list[str]:
    diverged = f" ({found.diverged} diverged)" if found.diverged else ""
    failed = f" ({found.failed} failed)" if found.failed else ""
    return [
        f"{found.experiment}: {found.done} of {quantity(found.runs, 'run')} done{diverged}, "
        f"{found.running} running, {found.waiting} waiting{failed}",
        *(
            f"{quantity(each.runs, 'run')} will go on from a checkpoint at step {each.step} of {each.total_steps}"
            for each in found.unfinished
        ),
        *(f"{quantity(each.runs, 'run')} failed ({each.time}): {each.error}" for each in found.failures),
    ]


def _row(worker: "WorkerStatus") -> tuple[object, ...]:
    return worker.host, worker.pid, worker.device, worker.runs, _since(worker), _how_far(worker)


def _since(worker: "WorkerStatus") -> str:
    from benchmark.system.duration import duration

    return duration(max(0.0, (datetime.now(UTC) - worker.since).total_seconds()))


def _how_far(worker: "WorkerStatus") -> str:
    if not worker.alive:
        return "died"
    if not worker.runs:
        return "waits for others"
    if not worker.total_steps:
        return "has just begun"
    return f"step {worker.step:,} of {worker.total_steps:,} ({worker.step / worker.total_steps:.0%})"
