"""Results of older code: they are adopted where today's code gives the same bits, and else trained again.

A result keeps digests of its weights after a few early steps, around the first topology update too. So whether a change
of the code moved a bit is seen in seconds: some of the runs are trained to those steps once more.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmark.experiments.results import Result, ResultsFolder
from benchmark.experiments.runs import Run
from benchmark.running.plan import dataset_on
from benchmark.running.workers import alone
from benchmark.system.device import environment
from benchmark.training.fingerprint import code_of_setup
from benchmark.training.fleet_training import train_fleet
from benchmark.training.members import member_of

SAMPLE = 8
"""Runs of a group that are trained again, at least, to see whether its bits are still the same."""
SAME = ("torch", "device", "processes")
"""What of an environment decides the bits; results of another one cannot be compared here."""


@dataclass(frozen=True)
class Older:
    """Results of one older code and one environment that would train together."""

    results: Sequence[tuple[Run, Result]]

    @property
    def sample(self) -> list[tuple[Run, Result]]:
        """Some of them, at least one of each kind: those of a kind differ in their density and seed only."""
        by_kind: dict[str, list[tuple[Run, Result]]] = {}
        for run, result in self.results:
            by_kind.setdefault(_kind(run), []).append((run, result))
        placed = [(place, pair) for group in by_kind.values() for place, pair in enumerate(group)]
        ranked = sorted(placed, key=lambda each: each[0])
        return [pair for _, pair in ranked[: max(SAMPLE, len(by_kind))]]


def adopt(
    results: Sequence[tuple[Run, Result]],
    folder: ResultsFolder,
    device: torch.device,
    data_dir: Path | None,
    say: Callable[[str], None],
) -> dict[str, Result]:
    """Adopt the results of older code whose bits today's code gives; returns these as they are stored now, by id.

    The others are set aside. Results of another kind of machine or of another torch are among these, because nothing
    here can be compared with them.
    """
    adopted: dict[str, Result] = {}
    for group in _groups(results):
        changed = _changed(group, device, data_dir)
        with alone(folder.path):
            left = []
            for run, result in group.results:
                now = folder.read(run)  # others may have set it aside meanwhile, and even trained it again
                if now is not None and now.code == code_of_setup(run.setup):
                    adopted[run.id] = now
                elif now is not None and now.code == result.code:
                    left.append((run, result))
            if changed is None:
                tried = len(group.sample)
                what = f"; {tried} of them gave the same bits past their first update again, so all are adopted"
                for run, result in left:
                    adopted[run.id] = result.model_copy(update={"code": code_of_setup(run.setup)})
                    folder.store(adopted[run.id])
            else:
                places = sorted({str(folder.set_aside(result).parent) for _, result in left})
                what = f" and are trained again: {changed}; they are kept in {', '.join(places)}"
        if left:
            say(f"{len(left)} results of {folder.experiment} are of older code{what}")
    return adopted


def _groups(results: Sequence[tuple[Run, Result]]) -> list[Older]:
    found: dict[tuple[str, ...], list[tuple[Run, Result]]] = {}
    for run, result in results:
        environment = (str(result.environment.get(key)) for key in SAME)
        found.setdefault((result.code, run.trains_with, *environment), []).append((run, result))
    return [Older(group) for group in found.values()]


def _kind(run: Run) -> str:
    return json.dumps({**run.settings, "density": None, "seed": None}, sort_keys=True)


def _changed(group: Older, device: torch.device, data_dir: Path | None) -> str | None:
    """Why the results cannot be adopted, in words, or None where they can."""
    sample = group.sample
    here, there = environment(device), sample[0][1].environment  # which all of a group have
    differing = [f"{key} {there.get(key)}" for key in SAME if there.get(key) != here.get(key)]
    if differing:
        return f"they were trained with {', '.join(differing)}, so their bits cannot be compared here"
    steps = max((int(step) for _, result in sample for step in result.outcome.digests), default=0)
    if not steps:
        return "they keep no digests of early steps"
    setup = sample[0][0].setup
    outcomes = train_fleet(
        [member_of(run) for run, _ in sample], setup, dataset_on(setup.data, data_dir, device), device, max_steps=steps
    )
    different = [
        run
        for (run, result), outcome in zip(sample, outcomes, strict=True)
        if outcome.digests != result.outcome.digests
    ]
    if not different:
        return None
    first = f"{different[0].cell}, seed {different[0].seed}"
    return f"{len(different)} of {len(sample)} that were tried gave other bits within {steps} steps, such as {first}"
