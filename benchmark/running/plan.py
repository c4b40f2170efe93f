"""Fleets: which networks train together, and on which data."""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import torch

from benchmark.data import load_dataset, source_of
from benchmark.data.dataset import Dataset
from benchmark.data.digest import data_digest
from benchmark.experiments.runs import Run
from benchmark.system import communication
from benchmark.training.engines import engine_named
from criteria.errors import InputError


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


@lru_cache(maxsize=1)
def dataset_on(name: str, data_dir: Path | None, device: torch.device) -> Dataset:
    """A data set for training on ``device``; the last one is kept for the next fleet."""
    return load_dataset(name, data_dir).on(device)


@lru_cache(maxsize=8)
def digest_on(name: str, data_dir: Path | None, device: torch.device) -> str:
    """The digest of a data set, made once for all fleets."""
    return data_digest(dataset_on(name, data_dir, device))
