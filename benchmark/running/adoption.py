"""Results of older code: they are adopted where today's code gives the same bits on the same data, else trained again.

A result keeps digests of its weights after a few early steps, around the first topology update too, and the accuracy
after each epoch. So whether a change of the code moved a bit is soon seen: some of the runs are trained to those steps
once more, and to the end of the first epoch, because weights say nothing of how they are evaluated. Nor do they of the
test examples, so the data have to have the digest that a result keeps. Of results that keep none one is trained whole.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from benchmark.data.dataset import Dataset
from benchmark.experiments.outcome import Outcome
from benchmark.experiments.results import Result, ResultsFolder
from benchmark.experiments.runs import Run
from benchmark.running.plan import dataset_on, digest_on
from benchmark.running.workers import alone
from benchmark.system.device import environment
from benchmark.training.fingerprint import code_of_setup
from benchmark.training.fleet_training import train_fleet
from benchmark.training.members import Member, member_of

SAMPLE = 8
"""Runs of a group that are trained again, at least, to see whether its bits are still the same."""
SAME = ("torch", "device", "processes")
"""What of an environment decides the bits; results of another one cannot be compared here."""
DATA = "data"
"""What of an environment is the digest of the data; older versions kept none."""


@dataclass(frozen=True)
class Older:
    """Results of one older code, one environment and the same data that would train together."""

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
    untried: str | None = None,
) -> dict[str, Result]:
    """Adopt the results of older code whose bits today's code gives; returns these as they are stored now, by id.

    The others are set aside. Results of other data are among these, and those of another kind of machine or of another
    torch, because nothing here can be compared with them; and all of them where none is to be tried, for the reason
    ``untried``.
    """
    adopted: dict[str, Result] = {}
    for group in _groups(results):
        changed = untried or _changed(group, device, data_dir)
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
                same = "the same bits past their first update again, and the same accuracies"
                what = f"; {tried} of them gave {same}, so all are adopted"
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
        environment = (str(result.environment.get(key)) for key in (*SAME, DATA))
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
    if not any(result.outcome.digests for _, result in sample):
        return "they keep no digests of early steps"
    name = sample[0][0].setup.data
    dataset, data = dataset_on(name, data_dir, device), there.get(DATA)
    if data not in (None, digest_on(name, data_dir, device)):
        return f"they were trained and tested on other data than {name} is now"
    if (moved := _moved_early(sample, dataset, device)) is not None or data is not None:
        return moved
    return _moved_at_the_end(*sample[0], dataset, device)


def _moved_early(sample: Sequence[tuple[Run, Result]], dataset: Dataset, device: torch.device) -> str | None:
    """What is not as it was at the steps that have digests, or after the first epoch, in words."""
    setup = sample[0][0].setup
    digested = max(int(step) for _, result in sample for step in result.outcome.digests)
    steps = max(digested, math.ceil(dataset.train.targets.numel() / setup.training.batch_size))
    members = [_digested_as(result.outcome, run) for run, result in sample]
    outcomes = train_fleet(members, setup, dataset, device, max_steps=steps)
    tried = [(run, result.outcome, now) for (run, result), now in zip(sample, outcomes, strict=True)]
    promises = (("bits", digested, _same_bits), ("validation accuracies", steps, _same_accuracies))
    for what, within, same in promises:
        if different := [run for run, then, now in tried if not same(then, now)]:
            first = f"{different[0].cell}, seed {different[0].seed}"
            many = f"{len(different)} of {len(sample)} that were tried"
            return f"{many} gave other {what} within {within} steps, such as {first}"
    return None


def _digested_as(then: Outcome, run: Run) -> Member:
    """The run as a member, digested after the same steps: of a baseline, those of updates of any period."""
    member = member_of(run)
    return member if run.rule.baseline is None else replace(member, digested=tuple(map(int, then.digests)))


def _same_bits(then: Outcome, now: Outcome) -> bool:
    return now.digests == then.digests


def _same_accuracies(then: Outcome, now: Outcome) -> bool:
    """Whether those of validation are the same, as far as the shorter of two trainings went."""
    return now.validation_accuracy == then.validation_accuracy[: len(now.validation_accuracy)]


def _moved_at_the_end(run: Run, result: Result, dataset: Dataset, device: torch.device) -> str | None:
    """What is not as it was in a whole training, in words: all that is left to ask where the data have no digest."""
    (now,) = train_fleet([member_of(run)], run.setup, dataset, device)
    then = result.outcome
    if (now.test_accuracy_best, now.test_accuracy_last) == (then.test_accuracy_best, then.test_accuracy_last):
        return None
    return f"they do not say on which data, and {run.cell}, seed {run.seed}, gave another test accuracy"
