"""About how long fleets train, from timing a few steps and an evaluation."""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path

import psutil
import torch

from benchmark.data import load_dataset, source_of
from benchmark.data.dataset import Dataset, Split
from benchmark.data.published import MissingDataError, without_downloads
from benchmark.experiments.cost import total_steps
from benchmark.experiments.runs import Run
from benchmark.experiments.setup import Setup
from benchmark.running.plan import dataset_on
from benchmark.system import communication
from benchmark.system.freed_memory import keep_freed_memory
from benchmark.system.torch_threads import torch_threads
from benchmark.training.evaluation import EVALUATION_BATCH, evaluate
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import member_of
from benchmark.training.memory import step_bytes
from benchmark.training.precision import computing_in
from criteria.errors import InputError, PluginError

WARM_UP = {"cpu": 2, "cuda": 6}
"""Steps that a dry run trains before the clock starts; a CUDA graph is recorded in the fourth."""
TIMED_STEPS = 10
"""Steps that it times, to say how long the real run takes."""

MOST_NOISE = 2**26
"""Numbers in the inputs of a data set of noise that stands in for one that is not there."""
HELD_OUT = 1 / 6
"""So many examples for validation, and for the test, to one for training a data set is taken to have that is not there
to say it: ours have a fifth at most."""


def estimate_seconds(
    fleets: Sequence[Sequence[Run]], device: torch.device, data_dir: Path | None, processes: int = 1
) -> float:
    """About how long ``fleets`` take in so many processes, from timing a few steps of the first one of each kind.

    An evaluation is timed apart, because an epoch has many steps to one. Nothing is downloaded for it: where the
    data are not there, noise that looks like them takes their place.
    """
    keep_freed_memory()
    total = 0.0
    with torch_threads(max(1, torch.get_num_threads() // processes)):
        for _, alike in groupby(fleets, key=lambda fleet: fleet[0].trains_with):
            same = list(alike)
            first = same[0]
            _require_memory(first[0].setup, device)
            seconds = _seconds(first, *_data_to_time(first[0].setup, data_dir, device), device)
            total += seconds * sum(len(fleet) for fleet in same) / len(first)
    return total / processes


def _require_memory(setup: Setup, device: torch.device) -> None:
    """Raises :class:`InputError` where a step of one network does not fit into the memory that is free.

    A GPU says so itself; elsewhere the system would end whatever program it likes.
    """
    if device.type != "cpu":
        return
    look, batch_size = source_of(setup.data).look, setup.training.batch_size
    needed, free = step_bytes(setup.model, look.shape, look.classes, batch_size), psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"a step of one {setup.model['name']} with batches of {batch_size} takes about {needed / 2**30:.0f} GiB "
            f"of memory, and {free / 2**30:.0f} GiB are free; try it on a larger machine, or with "
            "--set training.batch_size=…"
        )


def _data_to_time(setup: Setup, data_dir: Path | None, device: torch.device) -> tuple[Dataset, float]:
    """Data to train a few steps on, and on how many examples a network is evaluated in its whole training.

    These are those for validation after each epoch, and at the end those of the test twice.
    """
    epochs, look = setup.training.epochs, source_of(setup.data).look
    try:
        with without_downloads():
            dataset = dataset_on(setup.data, data_dir, device)
    except MissingDataError as error:
        print(f"timed on noise of the same shape, because {error}", file=sys.stderr)
    else:
        return dataset, epochs * dataset.validation.targets.numel() + 2 * dataset.test.targets.numel()
    batch_size = setup.training.batch_size
    batches = max(1, min(TIMED_STEPS, MOST_NOISE // (batch_size * math.prod(look.shape))))
    noise = load_dataset(f"synthetic(like={setup.data!r}, examples={batches * batch_size})").on(device)
    return noise, (epochs + 2) * HELD_OUT * look.examples


def _seconds(fleet: Sequence[Run], dataset: Dataset, evaluated: float, device: torch.device) -> float:
    """Of the whole training of a fleet: of its steps, and of so many ``evaluated`` examples."""
    setup = fleet[0].setup
    # whichever of the steps ends an epoch, next to nothing is then evaluated in it
    short = replace(dataset, validation=_first(dataset.validation, communication.size()))
    warm_up = WARM_UP[device.type]
    # an epoch of few steps, as noise of large images has, would end before the clock starts
    longer = setup.training.model_copy(update={"epochs": max(setup.training.epochs, warm_up + TIMED_STEPS)})
    lasting = setup.model_copy(update={"training": longer})
    training = FleetTraining([member_of(run) for run in fleet], lasting, short, device)
    steps = training.steps()
    _do(training, steps, warm_up)
    each = _seconds_of_an_example(training, setup, dataset, device)
    started = time.perf_counter()
    timed = _do(training, steps, TIMED_STEPS)
    step = (time.perf_counter() - started) / timed
    return step * total_steps(setup) + each * evaluated


def _seconds_of_an_example(training: FleetTraining, setup: Setup, dataset: Dataset, device: torch.device) -> float:
    """In an evaluation of all members."""
    some = _first(dataset.validation, EVALUATION_BATCH)
    with computing_in(setup.training.precision, device):
        evaluate(training.engine, dataset, some, device)  # an engine may compile what it needs for the first one
        started = time.perf_counter()
        evaluate(training.engine, dataset, some, device)
    return (time.perf_counter() - started) / some.targets.numel()


def _first(split: Split, most: int) -> Split:
    return Split(split.inputs[:most], split.targets[:most])


def _do(training: FleetTraining, steps: Iterator[int], most: int) -> int:
    """Do some steps, if there are as many, and wait for them: an engine may only have been asked for them."""
    done = sum(1 for _ in islice(steps, most))
    for failure in training.failures.values():
        raise PluginError(failure)
    training.engine.diverged().tolist()
    return done
