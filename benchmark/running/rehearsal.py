"""A rehearsal: a few steps of everything that an experiment trains, on synthetic data, from plan to stored result."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.experiments.cost import flops_per_example, like
from benchmark.experiments.experiment import Experiment
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import Run, expand
from benchmark.running.computed_by import engines_chosen
from benchmark.running.missing import distinct
from benchmark.running.options import Options
from benchmark.running.progress import Progress
from benchmark.running.sharing import share_work
from benchmark.system.device import choose_device

STEPS = 4
UPDATE_PERIOD = 2
"""The first update comes when the optimizer has momentum, and one step trains what has grown; at the last one, which is
at the end, a density that changes has come to what it should be."""
AFFORDABLE = 2.5e10
"""Floating-point operations that are not worth saving: a second on a CPU."""
LEAST_BATCH = 2
"""Batch-norm needs two examples."""


@dataclass(frozen=True)
class Rehearsal:
    """What was trained."""

    configurations: int
    batch_size: int
    diverged: int
    device: str


def rehearse(experiment: Experiment, options: Options) -> Rehearsal:
    """Train each distinct configuration of ``experiment``, with its first density and seed, and read back the results.

    What differs in nothing but density, seed and update period is one configuration. Nothing is left behind. Of the
    options only the device and the engine count.
    """
    first = experiment.axes.seeds[0]
    nowhere = ResultsFolder(Path("none"), experiment.name)
    runs_of_a_seed = [run for run in expand(experiment) if run.seed == first]
    configurations = _distinct(engines_chosen(runs_of_a_seed, nowhere, replace(options, fresh=True)))
    cost = STEPS * sum(flops_per_example(run.setup) for run in configurations)
    affordable = max(LEAST_BATCH, int(AFFORDABLE / cost))
    runs = distinct(_shortened(run, min(run.setup.training.batch_size, affordable)) for run in configurations)
    with TemporaryDirectory() as place:
        folder = ResultsFolder(Path(place), experiment.name)
        with Progress(len(runs)) as progress:
            share_work(runs, folder, Options(options.device), progress)
        found = folder.read_all(runs)
    return Rehearsal(
        configurations=len(found),
        batch_size=max(run.setup.training.batch_size for run in runs),
        diverged=sum(result.outcome.diverged for _, result in found),
        device=str(choose_device(options.device)),
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
    setup = run.setup
    measure = setup.measure
    if measure.jaccard is not None:  # criteria are compared at the only update that there is
        measure = measure.model_copy(update={"jaccard": measure.jaccard.model_copy(update={"every": None})})
    changed = {
        "data": f"synthetic(like={like(setup.data)!r}, examples={STEPS * batch_size})",
        "training": setup.training.model_copy(update={"epochs": 1, "batch_size": batch_size}),
        "topology": setup.topology.model_copy(update={"update_period": UPDATE_PERIOD, "update_until": 1.0}),
        "measure": measure,
    }
    return replace(run, setup=setup.model_copy(update=changed))
