"""Engines: the sparse one beside the dense one and beside the machine's arithmetic, at several densities."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from benchmark.data.dataset import Dataset, Split
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import Rule
from benchmark.experiments.setup import Setup
from benchmark.models import layer_of, sparse_layer_names
from benchmark.models.flops import flops_per_weight
from benchmark.running.plan import dataset_on
from benchmark.timing.comparison import Comparisons, Skipped, compare, now, side_by_side
from benchmark.timing.floor import floor
from benchmark.training.engines.choosing import step_seconds, steps_once_more
from benchmark.training.engines.sparse.momentum.remembered import steps_that_count
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.initial import structure
from benchmark.training.members import Member, Recipe
from criteria.distribution import layer_counts
from criteria.plugins import Spec, load

RIGL = Rule(Spec.parse("magnitude"), Spec.parse("gradient"))
"""What is timed."""
ROUNDS = 5
"""Of each way, beside a first one that does not count: it compiles, and meets memory that was never used."""


@dataclass(frozen=True)
class Timed:
    """What is timed of one experiment's setup, on synthetic data."""

    experiment: str
    like: str
    """The data set that the synthetic data look like."""
    densities: tuple[float, ...]
    steps: int
    """Optimizer steps in each round, and in an epoch; where that is a period, each round has its share of updates."""
    members: int = 8
    validated: float = 1 / 9
    """Validation examples for each training example: as many as that data set has."""
    momentum: float = 0.9
    """In the training by which an update is timed: less where the steps that count for it would take minutes."""


TIMED = (
    Timed("fmnist-lenet300", "fashion_mnist", (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0), 200),
    Timed("fmnist-cnn", "fashion_mnist", (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0), 10, 4),
    Timed("cifar10-mlp", "cifar10", (0.05, 0.1, 0.2), 10, 4),
    Timed("cifar10-cnn", "cifar10", (0.05, 0.1, 0.2), 5, 4),
    Timed("cifar100-vgg16", "cifar100", (0.05,), 2, 1, 1 / 5, momentum=0.5),
)


def comparisons(device: torch.device, data_dir: Path | None) -> Comparisons:
    """The time of one step of one network on both engines, and what its active weights would take at best."""
    if device.type != "cpu":
        yield Skipped("engines", f"the sparse engine runs on CPUs, not on {device.type}")
        return
    for timed in TIMED:
        yield from compared(timed, data_dir)


def compared(timed: Timed, data_dir: Path | None, rounds: int = ROUNDS) -> Comparisons:
    """The comparisons of one setup; what the model of `choosing` says stands beside the name."""
    asked = load_experiment(timed.experiment).setups[0][1]
    setup, dataset = on_noise(asked, timed, data_dir)
    for density in timed.densities:
        ways: dict[str, Callable[[], float]] = {
            name: stretches(setup.model_copy(update={"engine": name}), dataset, density, timed.members, timed.steps)
            for name in ("dense", "sparse")
        }
        between = ways["sparse"]
        more = share_of_updates(setup, timed, dataset, density, between)
        ways["sparse"] = lambda between=between, more=more: (1 + more) * between()  # type: ignore[misc]
        flops = active_flops(setup, dataset, density)
        ways["arithmetic floor"] = floor(flops, torch.device("cpu"))
        seconds = side_by_side(ways, rounds)
        model = step_seconds(setup, RIGL, density, "dense") / step_seconds(setup, RIGL, density, "sparse")
        about = f"{timed.experiment} at density {density:g} (model: {model:.1f})"
        yield compare(about, "dense", "sparse", seconds, flops)
        yield compare(about, "sparse", "arithmetic floor", seconds, flops)


def share_of_updates(
    setup: Setup, timed: Timed, dataset: Dataset, density: float, between: Callable[[], float]
) -> float:
    """What updates and the steps gone through once more take of the sparse engine, beside the steps ``between`` them.

    It is timed where updates are as many steps apart as are gone through; 0 where none are, since rounds have updates.
    """
    share = steps_once_more(setup, RIGL)
    if share == 0:
        return 0.0
    steps = steps_that_count(timed.momentum, np.dtype(np.float32))
    often = setup.model_copy(
        update={
            "engine": "sparse",
            "training": setup.training.model_copy(update={"momentum": timed.momentum}),
            "topology": setup.topology.model_copy(update={"update_period": steps}),
        }
    )
    with_updates = stretches(often, dataset, density, timed.members, steps)
    with_updates()  # steps are gone through once more in the stretch after their update: this one compiles that
    before, took, after = between(), with_updates(), between()
    return share * (2 * took / (before + after) - 1)


def on_noise(asked: Setup, timed: Timed, data_dir: Path | None) -> tuple[Setup, Dataset]:
    """A setup on noise instead of its data set, in epochs of as many steps as are timed; and that noise."""
    examples = asked.training.batch_size * timed.steps
    setup = asked.model_copy(update={"data": f"synthetic(like='{timed.like}', examples={examples})"})
    dataset = dataset_on(setup.data, data_dir, torch.device("cpu"))
    held_out = max(1, round(examples * timed.validated))
    validation = Split(dataset.validation.inputs[:held_out], dataset.validation.targets[:held_out])
    return setup, replace(dataset, validation=validation)


def active_flops(setup: Setup, dataset: Dataset, density: float) -> int:
    """FLOPs of the products of active weights in a step of one network: forward and two gradients."""
    first, *others = flops_of_pass(setup, dataset, density).values()
    return 2 * first + 3 * sum(others)  # nobody asks for the gradient of the batch


def flops_of_pass(setup: Setup, dataset: Dataset, density: float) -> dict[str, int]:
    """FLOPs of the active weights of each layer, by its name, when a batch goes through it once."""
    network = structure(setup.model, dataset.shape, dataset.classes)
    names = sparse_layer_names(network)
    shapes = {name: tuple(network.get_parameter(name).shape) for name in names}
    counts = layer_counts(shapes, density, setup.topology.distribution)
    per_weight = flops_per_weight(network, dataset.shape, names)
    return {layer_of(name): setup.training.batch_size * counts[name] * per_weight[name] for name in names}


def training_of(setup: Setup, dataset: Dataset, density: float, members: int) -> FleetTraining:
    """The training of a fleet of magnitude and gradient growth, all of one seed."""
    names = RIGL.plugins
    recipes = [
        Recipe(load(names["criterion"]), load(names["growth"], "growth"), setup.topology) for _ in range(members)
    ]
    fleet = [Member(1, density, setup.topology.distribution, recipe) for recipe in recipes]
    return FleetTraining(fleet, setup, dataset, torch.device("cpu"))


def stretches(setup: Setup, dataset: Dataset, density: float, members: int, steps: int) -> Callable[[], float]:
    """The training of :func:`training_of` by stretches of so many steps, as :func:`by_stretches` has them."""
    return by_stretches(training_of(setup, dataset, density, members), steps)


def by_stretches(training: FleetTraining, steps: int) -> Callable[[], float]:
    """Called, it trains the next stretch, and gives the seconds per step and network; one has been trained before."""
    members, cpu, left = len(training.outcomes), torch.device("cpu"), training.steps()

    def stretch() -> float:
        started = now(cpu)
        for _ in islice(left, steps):
            pass
        return (now(cpu) - started) / steps / members

    stretch()
    return stretch
