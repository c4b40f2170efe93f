"""Where the spread between seeds of LeNet-5 at low density comes from: ``python -m examples.spread``.

Trains the static network and magnitude with random growth at density 0.05 for ten epochs on Fashion-MNIST, resurrection
allowed, and answers two questions: whether it matters that a layer's initial mask has an exact number of active weights
and not one coin flip for each position, and which draw of a training (mask, weights, batches, growth) its accuracy
varies with. Results are appended to a file, and what is there is not trained again.
"""

import argparse
import itertools
import json
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from examples.spread.starts import FLEET, Task, tasks
from examples.spread.tables import tables
from examples.spread.training import one_thread, train

KEPT = Path(__file__).with_name("results.jsonl")
"""What has been trained for the tables of the docs."""


def main() -> None:
    """Train what is missing, on every core, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m examples.spread", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="trainings of each rule with each draw of the mask")
    parser.add_argument("--pairs", type=int, default=8, help="pairs of trainings that differ in one draw, for each")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--results", type=Path, default=KEPT, help="file of one result a line")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    results = stored(arguments.results, arguments.epochs)
    missing = [task for task in tasks(arguments.seeds, arguments.pairs) if task not in results]
    fleets = in_fleets(missing)
    with ProcessPoolExecutor(arguments.processes, get_context("spawn"), one_thread) as pool:
        jobs = {pool.submit(train, fleet, arguments.epochs): fleet for fleet in fleets}
        for done, job in enumerate(as_completed(jobs), start=1):
            for task, accuracy in zip(jobs[job], job.result(), strict=True):
                results[task] = accuracy
                with arguments.results.open("a") as file:
                    file.write(json.dumps({**asdict(task), "epochs": arguments.epochs, "accuracy": accuracy}) + "\n")
            print(f"{done} of {len(fleets)} fleets are trained", flush=True)
    print(tables(results))


def in_fleets(wanted: Sequence[Task]) -> list[list[Task]]:
    """Tasks that follow each other and share a rule and a draw of the mask, a few at a time."""
    groups = [list(group) for _, group in itertools.groupby(wanted, key=lambda task: (task.rule, task.draw))]
    return [group[at : at + FLEET] for group in groups for at in range(0, len(group), FLEET)]


def stored(file: Path, epochs: int) -> dict[Task, float]:
    """Test accuracy in percent of the trainings of ``epochs`` epochs that a file has."""
    found = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        result = json.loads(line)
        if result.pop("epochs") == epochs:
            accuracy = result.pop("accuracy")
            found[Task.read(result)] = accuracy
    return found


if __name__ == "__main__":
    main()
