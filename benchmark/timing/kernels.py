"""Where the time of the sparse engine's steps goes: operations beside the step and beside the machine's arithmetic."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.data.dataset import Dataset
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.setup import Setup
from benchmark.system.torch_threads import torch_threads
from benchmark.timing.comparison import Comparisons, Skipped, compare
from benchmark.timing.engines import (
    RIGL,
    ROUNDS,
    TIMED,
    Timed,
    by_stretches,
    flops_of_pass,
    on_noise,
    share_of_updates,
    training_of,
)
from benchmark.timing.floor import floor
from benchmark.training.engines.choosing import steps_once_more
from benchmark.training.engines.sparse.chain import Node
from benchmark.training.engines.sparse.engine import SparseEngine
from benchmark.training.engines.sparse.table import Kind, Way

DENSITIES = (0.05, 0.2)
NETWORKS = ("fmnist-lenet300", "fmnist-cnn", "cifar10-cnn")
"""Experiments whose networks have every kind of kernel between them, in few layers."""
CPU = torch.device("cpu")
STEP, FLOOR, EVALUATIONS, UPDATES, REST = "step", "arithmetic floor", "evaluations", "updates", "the rest"
NEVER = 10**6
"""Steps to the first update of a training that is to have none."""
PASSES = {
    Way.FORWARD: "forward",
    Way.WEIGHT_GRADIENT: "gradient of weights",
    Way.INPUT_GRADIENT: "gradient of inputs",
}
KINDS = {
    Kind.MAX_POOLING: "pooling",
    Kind.MEAN_POOLING: "pooling",
    Kind.BATCH_NORM: "batch-norm",
    Kind.DROPOUT: "dropout",
}
Parts = Mapping[str, float]
"""Seconds of each part of a step of one network, and of the whole."""


def comparisons(device: torch.device, data_dir: Path | None) -> Comparisons:
    """Each part of a step beside the step, and each product beside what it would take at best, in one thread."""
    if device.type != "cpu":
        yield Skipped("kernels", f"the sparse engine runs on CPUs, not on {device.type}")
        return
    with torch_threads(1):  # what runs inside has the rate of one core, and is compared with it
        for timed in TIMED:
            for density in DENSITIES if timed.experiment in NETWORKS else ():
                yield from compared(timed, density, data_dir)


def compared(timed: Timed, density: float, data_dir: Path | None, rounds: int = ROUNDS) -> Comparisons:
    """The comparisons of one network at one density."""
    asked, dataset = on_noise(load_experiment(timed.experiment).setups[0][1], timed, data_dir)
    setup = asked.model_copy(update={"engine": "sparse"})
    flops = flops_of_pass(setup, dataset, density)
    measure, arithmetic = _parts_of_a_step(setup, dataset, density, timed), floor(10**9, CPU)
    seconds: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for part, took in measure().items():
            seconds[part].append(took)
        seconds[FLOOR].append(arithmetic())
    about = f"{timed.experiment} at density {density:g}, one thread"
    for part in seconds:
        if part not in (STEP, FLOOR):
            yield compare(about, part, STEP, seconds)
            if (layer := part.split(", ")[0]) in flops:
                at_best = [each * flops[layer] / 1e9 for each in seconds[FLOOR]]
                yield compare(about, part, FLOOR, {part: seconds[part], FLOOR: at_best}, flops[layer])


def _parts_of_a_step(setup: Setup, dataset: Dataset, density: float, timed: Timed) -> Callable[[], Parts]:
    """What measures the parts of a mean step of some that networks train next, operations where there are no updates.

    Where a stretch of steps is shorter than the time between updates, these are timed once, and have their share.
    """
    seldom = setup.model_copy(update={"topology": setup.topology.model_copy(update={"update_period": NEVER})})
    networks, updated = timed.steps * timed.members, setup.topology.update_period <= timed.steps
    calm, spent, operations = _with_operations(seldom, dataset, density, timed)
    often = _with_operations(setup, dataset, density, timed)[0] if updated else calm
    more = 0.0 if updated else share_of_updates(setup, timed, dataset, density, calm)

    def measure() -> Parts:
        spent[:] = 0
        took = calm()
        parts = _parts(operations, spent.sum(0) / networks)
        parts[REST] = took - sum(parts.values())
        if updated:
            parts[UPDATES] = often() - took
        elif steps_once_more(setup, RIGL) > 0:
            parts[UPDATES] = more * took
        return {**parts, STEP: sum(parts.values())}

    return measure


def _with_operations(
    setup: Setup, dataset: Dataset, density: float, timed: Timed
) -> tuple[Callable[[], float], NDArray[np.float64], Sequence[Node]]:
    """A training by stretches, as `engines.stretches`, with the times of its operations."""
    training = training_of(setup, dataset, density, timed.members)
    assert isinstance(training.engine, SparseEngine)
    spent = training.engine.time_operations()
    return by_stretches(training, timed.steps), spent, training.engine.operations


def _parts(operations: Sequence[Node], spent: NDArray[np.float64]) -> dict[str, float]:
    """Seconds of a step by part, of ``spent`` [ways, operations]: of each product, and of the others by their kind."""
    found: dict[str, float] = defaultdict(float)
    for number, node in enumerate(operations):
        for way, name in PASSES.items():
            first = number == 0 and way == Way.INPUT_GRADIENT
            if node.is_product and not first:
                found[f"{node.name}, {name}"] += spent[way, number]
            elif not node.is_product:
                found[KINDS[node.kind]] += spent[way, number]
    found["loss"] = spent[Way.LOSS].sum()
    found[EVALUATIONS] = spent[Way.EVALUATION].sum()
    return dict(found)
