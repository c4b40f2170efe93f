"""Fleets: which networks train together, and about how long that takes."""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby, islice
from pathlib import Path

import psutil
import torch

from benchmark.data import load_dataset, source_of
from benchmark.data.dataset import Dataset
from benchmark.data.digest import data_digest
from benchmark.data.published import MissingDataError, without_downloads
from benchmark.experiments.cost import total_steps
from benchmark.experiments.runs import Run
from benchmark.experiments.setup import Setup
from benchmark.system import communication
from benchmark.system.freed_memory import keep_freed_memory
from benchmark.training.engines import engine_named
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import member_of
from benchmark.training.memory import step_bytes
from criteria.errors import InputError, PluginError

WARM_UP = 2
"""Steps that a dry run trains before the clock starts."""
TIMED_STEPS = 10
"""Steps that it times, to say how long the real run takes."""

MOST_NOISE = 2**26
"""Numbers in the inputs of a data set of noise that stands in for one that is not there."""


class FleetSizes:
    """How many networks train together at most, for each kind of run."""

    def __init__(self, device: torch.device, data_dir: Path | None, most: int | None = None) -> None:
        self.device = device
        self._data_dir = data_dir
        self._most = most
        self._known: dict[str, int] = {}

    def largest(self, run: Run) -> int:
        """The size of the largest fleet of runs that train with this one, at least 1."""
        if run.trains_with not in self._known:
            setup = run.setup
            engine = engine_named(setup.engine)
            look = source_of(setup.data).look  # known without the data, which a plan does not need
            size = 1
            if communication.size() == 1:  # several processes cannot shrink a fleet together when one is out of memory
                size = engine.most_members(setup, look.shape, look.classes, self.device)
            self._known[run.trains_with] = min(size, self._most or size)
        return self._known[run.trains_with]

    def limit(self, run: Run, most: int) -> None:
        """Take fleets like that of ``run`` with ``most`` members from now on, because larger ones did not fit."""
        self._known[run.trains_with] = most


def plan_fleets(runs: Sequence[Run], sizes: FleetSizes) -> list[list[Run]]:
    """All ``runs`` in the fleets that one worker alone would train one after another.

    Raises :class:`InputError` for a run that its engine does not train.
    """
    for run in {(run.trains_with, run.rule): run for run in runs}.values():
        engine = engine_named(run.setup.engine)
        if (refusal := engine.refuses(run.setup, run.rule, sizes.device)) is not None:
            raise InputError(f"--engine {engine.name}: {refusal}")
    fleets = []
    left = list(runs)
    while fleet := next_fleet(left, sizes, share=len(left)):
        fleets.append(fleet)
        chosen = {run.id for run in fleet}
        left = [run for run in left if run.id not in chosen]
    return fleets


def next_fleet(free: Sequence[Run], sizes: FleetSizes, share: int) -> list[Run]:
    """The fleet to train next of the runs that are ``free``: as large as may be, and at most ``share``.

    Fleets that are chosen one after another are of nearly equal size, and the same whenever one asks again.
    """
    if not free:
        return []
    first = min(run.trains_with for run in free)
    alike = [run for run in free if run.trains_with == first]
    parts = math.ceil(len(alike) / min(share, sizes.largest(alike[0])))
    return alike[: math.ceil(len(alike) / parts)]


def estimate_seconds(
    fleets: Sequence[Sequence[Run]], device: torch.device, data_dir: Path | None, processes: int = 1
) -> float:
    """About how long ``fleets`` take in so many processes, from timing a few steps of the first one of each kind.

    Nothing is downloaded for it: where the data are not there, noise that looks like them takes their place.
    """
    keep_freed_memory()
    total = 0.0
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // processes))
    try:
        for _, alike in groupby(fleets, key=lambda fleet: fleet[0].trains_with):
            same = list(alike)
            first = same[0]
            _require_memory(first[0].setup, device)
            seconds, steps = _time_steps(first, _data_to_time(first[0].setup, data_dir, device), device)
            total += seconds * steps * sum(len(fleet) for fleet in same) / len(first)
    finally:
        torch.set_num_threads(threads)
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


def _data_to_time(setup: Setup, data_dir: Path | None, device: torch.device) -> Dataset:
    try:
        with without_downloads():
            return dataset_on(setup.data, data_dir, device)
    except MissingDataError as error:
        print(f"timed on noise of the same shape, because {error}", file=sys.stderr)
    batch_size = setup.training.batch_size
    batches = max(1, min(TIMED_STEPS, MOST_NOISE // (batch_size * math.prod(source_of(setup.data).look.shape))))
    return load_dataset(f"synthetic(like={setup.data!r}, examples={batches * batch_size})").on(device)


def _time_steps(fleet: Sequence[Run], dataset: Dataset, device: torch.device) -> tuple[float, int]:
    """Seconds per step of a fleet and the number of steps of its whole training."""
    setup = fleet[0].setup
    training = FleetTraining([member_of(run) for run in fleet], setup, dataset, device)
    steps = training.steps()
    _do(training, steps, WARM_UP)
    started = time.perf_counter()
    timed = _do(training, steps, TIMED_STEPS)
    # a training of one or two steps is one that nobody has to wait for
    return (time.perf_counter() - started) / timed if timed else 0.0, total_steps(setup)


def _do(training: FleetTraining, steps: Iterator[int], most: int) -> int:
    """Do some steps, if there are as many, and wait for them: an engine may only have been asked for them."""
    done = sum(1 for _ in islice(steps, most))
    for failure in training.failures.values():
        raise PluginError(failure)
    training.engine.diverged().tolist()
    return done


@lru_cache(maxsize=1)
def dataset_on(name: str, data_dir: Path | None, device: torch.device) -> Dataset:
    """A data set for training on ``device``; the last one is kept for the next fleet."""
    return load_dataset(name, data_dir).on(device)


@lru_cache(maxsize=8)
def digest_on(name: str, data_dir: Path | None, device: torch.device) -> str:
    """The digest of a data set, made once for all fleets."""
    return data_digest(dataset_on(name, data_dir, device))
