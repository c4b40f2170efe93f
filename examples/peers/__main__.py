"""Sparse training on a CPU, ours beside what anyone would write and a public library: ``python -m examples.peers``.

All train LeNet-300-100 with RigL (magnitude, gradient growth, updates every 200 steps) on batches of 128, with the same
number of active weights in each layer. Printed is what an optimizer step of one network takes, updates included, as the
median of rounds that time all of them in turn.
"""

import argparse
import itertools
import os
import statistics
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from math import prod

import torch
import torch.nn.functional as F
from tabulate import tabulate
from torch import Tensor, nn

from benchmark.data.dataset import Dataset
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.setup import Setup
from benchmark.models import build_network, sparse_layer_names
from benchmark.system.freed_memory import keep_freed_memory
from benchmark.timing.comparison import side_by_side, stopwatch
from benchmark.timing.engines import Timed, on_noise, stretches
from criteria import Rules, SparseTraining
from criteria.distribution import layer_counts
from criteria.schedule import PruneFraction

CPU = torch.device("cpu")
MEMBERS = 8
"""Networks of a fleet."""


def main() -> None:
    """Time every way that is there at every density, and print a table."""
    parser = argparse.ArgumentParser(description="Sparse training on a CPU beside its rivals.")
    parser.add_argument("densities", nargs="*", type=float, default=[0.05, 0.1, 0.2])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    keep_freed_memory()
    asked = load_experiment("fmnist-lenet300").setups[0][1]
    steps = asked.topology.update_period
    setup, dataset = on_noise(asked, Timed("fmnist-lenet300", "fashion_mnist", (), steps), None)
    rows = []
    for density in arguments.densities:
        seconds = side_by_side(ways(setup, dataset, density, steps), arguments.rounds)
        ours = seconds["sparse engine, fleet"]
        for name, taken in seconds.items():
            ratios = [theirs / own for theirs, own in zip(taken, ours, strict=True)]
            took = 1000 * statistics.median(taken)
            rows.append((density, name, took, statistics.median(ratios), min(ratios), max(ratios)))
    headers = ("density", "", "ms a step and network", "times ours", "lowest", "highest")
    print(tabulate(rows, headers, floatfmt=("", "", ".3f", ".2f", ".2f", ".2f"), tablefmt="github"))
    waiting = ", ".join(f"{name} {os.environ.get(name, 'not set')}" for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"))
    print(f"\n{torch.get_num_threads()} threads, {waiting}; torch {torch.__version__}")


def ways(setup: Setup, dataset: Dataset, density: float, steps: int) -> dict[str, Callable[[], float]]:
    """What is timed; each has trained ``steps`` steps before."""
    engines = {name: setup.model_copy(update={"engine": name}) for name in ("sparse", "dense")}
    found = {
        f"{name} engine, fleet": stretches(each, dataset, density, MEMBERS, steps) for name, each in engines.items()
    }
    found["masks in one's own loop"] = own_loop(setup, dataset, density, steps)
    try:
        found[f"sparselab {version('sparselab')}"] = sparselab(setup, dataset, density, steps)
    except PackageNotFoundError:
        print("sparselab is not installed and left out; nox -s peers installs it")
    return found


def own_loop(setup: Setup, dataset: Dataset, density: float, steps: int) -> Callable[[], float]:
    """A plain PyTorch loop with masks, which ``SparseTraining`` keeps and updates."""
    network = build_network(setup.model, dataset.shape, dataset.classes)
    optimizer = _sgd(network, setup)
    SparseTraining(
        network,
        optimizer,
        criterion="magnitude",
        growth="gradient",
        density=density,
        update_period=setup.topology.update_period,
        total_steps=10**6,
        prune_fraction=PruneFraction("constant", 0.3, 0.3),
        rules=Rules(),
        seed=1,
    )
    return _timed(network, optimizer, dataset, setup, steps)


def sparselab(setup: Setup, dataset: Dataset, density: float, steps: int) -> Callable[[], float]:
    """The library's own layers and its RigL, with the active weights that ours has in each layer."""
    library = import_module("sparselab")
    plain = build_network(setup.model, dataset.shape, dataset.classes)
    shapes = {name: tuple(plain.get_parameter(name).shape) for name in sparse_layer_names(plain)}
    counts = layer_counts(shapes, density, setup.topology.distribution)
    layers: list[nn.Module] = [nn.Flatten()]
    for name, (outputs, inputs) in shapes.items():
        sparsity = 1 - counts[name] / prod(shapes[name])
        layers += [library.SparseLinear(inputs, outputs, sparsity=sparsity), nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    rigl = library.RigL(sparsity=1 - density, drop_fraction=0.3, update_freq=setup.topology.update_period, seed=1)
    network.apply(rigl)
    return _timed(network, _sgd(network, setup), dataset, setup, steps, rigl.step)


def _sgd(network: nn.Module, setup: Setup) -> torch.optim.Optimizer:
    training = setup.training
    return torch.optim.SGD(network.parameters(), training.learning_rate, training.momentum, fused=True)


def _timed(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    dataset: Dataset,
    setup: Setup,
    steps: int,
    after: Callable[[], object] = lambda: None,
) -> Callable[[], float]:
    batches = _batches(dataset, setup.training.batch_size)

    def train() -> None:
        for inputs, targets in itertools.islice(batches, steps):
            optimizer.zero_grad()
            F.cross_entropy(network(inputs), targets).backward()
            optimizer.step()
            after()

    train()
    timed = stopwatch(train, CPU)
    return lambda: timed() / steps


def _batches(dataset: Dataset, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        for chosen in torch.randperm(dataset.train.targets.numel()).split(size):
            yield dataset.seen(dataset.train.inputs[chosen], CPU), dataset.train.targets[chosen]


if __name__ == "__main__":
    main()
