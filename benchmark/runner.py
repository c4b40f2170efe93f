"""Running an experiment: which runs are missing, in which fleets they train, and storing what comes out."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby, pairwise
from pathlib import Path

import torch

from benchmark import parallel
from benchmark.data import load_dataset
from benchmark.data.dataset import Dataset
from benchmark.device import environment
from benchmark.grid import Run
from benchmark.memory import fleet_size, is_out_of_memory, keep_freed_memory
from benchmark.progress import Progress
from benchmark.results import Clock, Result, store, stored
from benchmark.training import train_fleet
from criteria.errors import InputError

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
    runs: Sequence[Run], results: Path, device: torch.device, data_dir: Path | None = None, *, fresh: bool = False
) -> Plan:
    """Split ``runs`` into those with a stored result and fleets of those without; ``fresh`` trusts no stored one.

    Raises :class:`InputError` for a stored result that is damaged and for data that is needed and missing.
    """
    there = [] if fresh else [run.id for run in runs if stored(run, results) is not None]
    done = set(parallel.of_first(there))
    finished = [run for run in runs if run.id in done]
    fleets = []
    for _, group in groupby(sorted(runs, key=lambda run: run.trains_with), key=lambda run: run.trains_with):
        alike = [run for run in group if run.id not in done]
        if alike:
            experiment = alike[0].experiment
            dataset = dataset_on(experiment.data, data_dir, device)
            most = 1
            if parallel.size() == 1:  # several processes cannot shrink a fleet together when one is out of memory
                batch_size = experiment.training.batch_size
                most = fleet_size(experiment.model, dataset.shape, dataset.classes, batch_size, device)
            fleets += _even_parts(alike, most)
    return Plan(finished, fleets)


def run_fleets(
    fleets: Iterable[Sequence[Run]],
    results: Path,
    device: torch.device,
    data_dir: Path | None,
    progress: Progress,
    *,
    contract_skipped: bool = False,
) -> None:
    """Train every fleet and store its members' results as soon as it ends."""
    keep_freed_memory()
    for fleet in fleets:
        dataset = dataset_on(fleet[0].experiment.data, data_dir, device)
        _train_and_store(fleet, results, dataset, device, progress, contract_skipped=contract_skipped)


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


def _train_and_store(
    fleet: Sequence[Run],
    results: Path,
    dataset: Dataset,
    device: torch.device,
    progress: Progress,
    *,
    contract_skipped: bool,
) -> None:
    """Train one fleet; where memory runs out, halve it and go on."""
    experiment = fleet[0].experiment
    started = time.perf_counter()
    on_step = progress.fleet(len(fleet))
    try:
        outcomes = train_fleet(
            [run.member() for run in fleet], experiment.model, experiment.training, dataset, device, on_step
        )
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        if len(fleet) == 1:
            raise InputError(
                f"{experiment.name}: not enough memory on {device} for one network with batch_size "
                f"{experiment.training.batch_size}; take a smaller one or a larger machine"
            ) from error
        half = (len(fleet) + 1) // 2
    else:
        clock = Clock(
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            fleet_seconds=round(time.perf_counter() - started, 3),
            fleet_size=len(fleet),
        )
        for run, outcome in zip(fleet, outcomes, strict=True):
            result = Result(
                id=run.id,
                experiment=experiment.name,
                settings=run.settings,
                outcome=outcome,
                contract_skipped=contract_skipped and run.cell.growth is not None,
                environment=environment(device),
                time=clock,
            )
            if parallel.rank() == 0:
                store(result, run, results)
        progress.finished(len(fleet))
        return
    progress.say(f"not enough memory for {len(fleet)} networks at once; going on with {half}")
    if device.type == "cuda":
        torch.cuda.empty_cache()
    for part in (fleet[:half], fleet[half:]):
        _train_and_store(part, results, dataset, device, progress, contract_skipped=contract_skipped)


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


def _even_parts(runs: list[Run], most: int) -> list[list[Run]]:
    """Split into as few parts of at most ``most`` as can be, of nearly equal size."""
    parts = -(-len(runs) // most)
    bounds = [round(i * len(runs) / parts) for i in range(parts + 1)]
    return [runs[a:b] for a, b in pairwise(bounds)]
