"""What there is to do for an experiment: the runs that are missing, the fleets that train them, and about how long."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise
from pathlib import Path

import torch

from benchmark.data import load_dataset
from benchmark.data.dataset import Dataset
from benchmark.experiments.results import stored
from benchmark.experiments.runs import Run
from benchmark.system import communication
from benchmark.training.fleet_training import train_fleet
from benchmark.training.memory import fleet_size, keep_freed_memory

TIMED_STEPS = 12
"""Steps that a dry run trains to say how long the real one takes; the first two are warm-up."""


@dataclass(frozen=True)
class Plan:
    """The work that an experiment asks for: what is there already, and the fleets that train the rest."""

    finished: list[Run]
    fleets: list[list[Run]]

    @property
    def missing(self) -> int:
        """Number of runs that have to be trained."""
        return sum(len(fleet) for fleet in self.fleets)


def plan(
    runs: Sequence[Run],
    results: Path,
    device: torch.device,
    data_dir: Path | None = None,
    *,
    fresh: bool = False,
    most: int | None = None,
) -> Plan:
    """Split ``runs`` into those with a stored result and fleets of those without; ``fresh`` trusts no stored one.

    ``most`` limits the size of a fleet further than memory does. Raises :class:`InputError` for a stored result that is
    damaged and for data that is needed and missing.
    """
    there = [] if fresh else [run.id for run in runs if stored(run, results) is not None]
    done = set(communication.of_first(there))
    finished = [run for run in runs if run.id in done]
    missing = [run for run in runs if run.id not in done]
    sizes = FleetSizes(device, data_dir, most)
    fleets = []
    while fleet := next_fleet(missing, sizes, share=len(missing)):
        fleets.append(fleet)
        taken = {run.id for run in fleet}
        missing = [run for run in missing if run.id not in taken]
    return Plan(finished, fleets)


class FleetSizes:
    """How many networks train together at most, for each kind of run."""

    def __init__(self, device: torch.device, data_dir: Path | None, most: int | None = None) -> None:
        self._device = device
        self._data_dir = data_dir
        self._most = most
        self._known: dict[str, int] = {}

    def of(self, run: Run) -> int:
        """For runs that train with this one."""
        if run.trains_with not in self._known:
            experiment = run.experiment
            dataset = dataset_on(experiment.data, self._data_dir, self._device)
            size = 1
            if communication.size() == 1:  # several processes cannot shrink a fleet together when one is out of memory
                batch_size = experiment.training.batch_size
                size = fleet_size(experiment.model, dataset.shape, dataset.classes, batch_size, self._device)
            self._known[run.trains_with] = min(size, self._most or size)
        return self._known[run.trains_with]

    def limit(self, run: Run, most: int) -> None:
        """Fleets like that of ``run`` turned out to be too large; from now on take ``most``."""
        self._known[run.trains_with] = most


def next_fleet(free: Sequence[Run], sizes: FleetSizes, share: int) -> list[Run]:
    """The fleet to train next of the runs that are ``free``: as large as may be, and at most ``share``.

    Fleets that are taken one after another are of nearly equal size, and the same whenever one asks again.
    """
    if not free:
        return []
    first = min(run.trains_with for run in free)
    alike = [run for run in free if run.trains_with == first]
    parts = math.ceil(len(alike) / min(share, sizes.of(alike[0])))
    return alike[: math.ceil(len(alike) / parts)]


def estimate_seconds(fleets: Sequence[Sequence[Run]], device: torch.device, data_dir: Path | None) -> float:
    """About how long ``fleets`` take, from timing a few steps of the first one of each kind."""
    keep_freed_memory()
    total = 0.0
    for _, alike in groupby(fleets, key=lambda fleet: fleet[0].trains_with):
        same = list(alike)
        first = same[0]
        seconds, steps = _time_steps(first, dataset_on(first[0].experiment.data, data_dir, device), device)
        total += seconds * steps * sum(len(fleet) for fleet in same) / len(first)
    return total


def _time_steps(fleet: Sequence[Run], dataset: Dataset, device: torch.device) -> tuple[float, int]:
    """Seconds per step of a fleet and the number of steps that it takes in all."""
    marks: list[float] = []
    totals: list[int] = []

    def on_step(_step: int, total: int) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        marks.append(time.perf_counter())
        totals.append(total)

    experiment = fleet[0].experiment
    members = [run.member() for run in fleet]
    train_fleet(members, experiment.model, experiment.training, dataset, device, on_step, max_steps=TIMED_STEPS)
    intervals = [later - earlier for earlier, later in pairwise(marks[1:])]
    return sum(intervals) / len(intervals), totals[0]


@lru_cache(maxsize=1)
def dataset_on(name: str, data_dir: Path | None, device: torch.device) -> Dataset:
    """A data set for training on ``device``; the last one is kept for the next fleet."""
    return load_dataset(name, data_dir).on(device)
