"""A rehearsal: a few steps of everything that an experiment trains, on synthetic data, from plan to stored result."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmark.experiments.cost import flops_per_example, like
from benchmark.experiments.experiment import Experiment
from benchmark.experiments.results import stored_results
from benchmark.experiments.runs import Run, expand
from benchmark.running.progress import Progress
from benchmark.running.sharing import Options, train_missing

STEPS = 3
UPDATE_PERIOD = 2
"""One of the steps updates the topology, when the optimizer has momentum, and one trains what has grown."""
AFFORDABLE = 1.25e11
"""Floating-point operations that are not worth saving: seconds on a CPU."""
LEAST_BATCH = 2
"""Batch-norm needs two examples."""


@dataclass(frozen=True)
class Rehearsal:
    """What was trained."""

    configurations: int
    batch_size: int
    diverged: int


def rehearse(experiment: Experiment, device: torch.device) -> Rehearsal:
    """Train each distinct configuration of ``experiment``, with its first density and seed, and read back the results.

    What differs in nothing but density, seed and update period is one configuration. Nothing is left behind.
    """
    distinct = _distinct(run for run in expand(experiment) if run.seed == experiment.axes.seeds[0])
    cost = STEPS * sum(flops_per_example(run.experiment) for run in distinct)
    affordable = max(LEAST_BATCH, int(AFFORDABLE / cost))
    runs = [_shortened(run, min(run.experiment.training.batch_size, affordable)) for run in distinct]
    with TemporaryDirectory() as folder:
        with Progress(len(runs)) as progress:
            train_missing(runs, Path(folder), Options(device), progress)
        found = stored_results(runs, Path(folder))
    return Rehearsal(
        configurations=len(found),
        batch_size=max(run.experiment.training.batch_size for run in runs),
        diverged=sum(result.outcome.diverged for _, result in found),
    )


def _distinct(runs: Iterable[Run]) -> list[Run]:
    """The first run of each configuration."""
    found: dict[str, Run] = {}
    for run in runs:
        settings = {key: value for key, value in _shortened(run, 1).settings.items() if key not in ("density", "seed")}
        found.setdefault(json.dumps(settings, sort_keys=True), run)
    return list(found.values())


def _shortened(run: Run, batch_size: int) -> Run:
    """The same run over one epoch of a few steps on synthetic data."""
    experiment = run.experiment
    data = f"synthetic(like={like(experiment.data)!r}, examples={STEPS * batch_size})"
    training = experiment.training.model_copy(update={"epochs": 1, "batch_size": batch_size})
    topology = experiment.topology.model_copy(update={"update_period": UPDATE_PERIOD})
    measure = experiment.measure
    if measure.jaccard is not None:  # at the only update that there is
        measure = measure.model_copy(update={"jaccard": measure.jaccard.model_copy(update={"every": None})})
    changed = {"data": data, "training": training, "topology": topology, "measure": measure}
    return replace(run, experiment=experiment.model_copy(update=changed))
