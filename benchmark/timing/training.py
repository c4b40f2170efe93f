"""Training: a fleet against its networks one by one, against a plain loop, and against the machine's arithmetic."""

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from benchmark.data.dataset import Dataset
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import Run, expand
from benchmark.experiments.setup import Setup
from benchmark.models import build_network
from benchmark.running.plan import FleetSizes, dataset_on, plan_fleets
from benchmark.system.freed_memory import keep_freed_memory
from benchmark.timing.comparison import Comparisons, Skipped, compare, now, side_by_side, stopwatch
from benchmark.timing.floor import floor
from benchmark.training.fleet_training import FleetTraining, train_fleet
from benchmark.training.members import member_of
from criteria.errors import InputError

STEPS = {"smoke": 100, "fmnist-lenet300": 10, "fmnist-cnn": 4}
"""Optimizer steps that are timed in each round. Those of ``smoke`` have five epochs with their evaluations and one
topology update; elsewhere a thousand steps share one, and `benchmark.timing.topology` times it."""
WARM_UP = 2
"""Steps before the clock starts."""
ROUNDS = 5


def comparisons(device: torch.device, data_dir: Path | None) -> Comparisons:
    """The time of one step of one network in several ways, for every experiment of :data:`STEPS`."""
    keep_freed_memory()
    for name, steps in STEPS.items():
        experiment = load_experiment(name)
        try:
            fleet = plan_fleets(expand(experiment), FleetSizes(device, data_dir))[0]
        except InputError as missing:
            yield Skipped(name, str(missing))
            continue
        dataset = dataset_on(fleet[0].setup.data, data_dir, device)
        together, best = f"fleet of {len(fleet)}", "arithmetic floor"
        ways: dict[str, Callable[[], float]] = {
            "one by one": partial(_fleet_seconds, fleet[-1:], dataset, device, steps),
            "plain loop": partial(_plain_seconds, fleet[-1], dataset, device, steps),
            together: partial(_fleet_seconds, fleet, dataset, device, steps),
            best: floor(step_flops(fleet[0].setup, dataset), device),
        }
        seconds = side_by_side(ways, ROUNDS)
        yield compare(name, "one by one", together, seconds)
        yield compare(name, "plain loop", together, seconds)
        yield compare(name, together, best, seconds)


def step_flops(setup: Setup, dataset: Dataset) -> int:
    """Floating-point operations of the products in one optimizer step of one network, forward and backward.

    The first layer has no gradient of its inputs, which nobody asks for.
    """
    batch = dataset.seen(dataset.train.inputs[: setup.training.batch_size], torch.device("cpu"))
    network = build_network(setup.model, dataset.shape, dataset.classes)
    with FlopCounterMode(display=False) as counter:
        torch.autograd.backward(network(batch).sum())
    return int(counter.get_total_flops())


def _fleet_seconds(fleet: list[Run], dataset: Dataset, device: torch.device, steps: int) -> float:
    """Seconds per step and network of the engine."""
    marks: list[float] = []

    def on_step(step: int, _total: int) -> None:
        if step in (WARM_UP, WARM_UP + steps):
            marks.append(now(device))

    members = [member_of(run) for run in fleet]
    train_fleet(members, fleet[0].setup, dataset, device, on_step, max_steps=WARM_UP + steps)
    return (marks[1] - marks[0]) / steps / len(fleet)


def _plain_seconds(run: Run, dataset: Dataset, device: torch.device, steps: int) -> float:
    """Seconds per step of one network in the loop that anyone would write, without evaluations or topology updates."""
    training = run.setup.training
    network = build_network(run.setup.model, dataset.shape, dataset.classes).to(device)
    weights = dict(network.named_parameters())
    masks = FleetTraining([member_of(run)], run.setup, dataset, device).engine.masks(0)
    optimizer = torch.optim.SGD(
        network.parameters(),
        training.learning_rate,
        momentum=training.momentum,
        nesterov=training.nesterov,
        weight_decay=training.weight_decay,
        fused=True,
    )
    order = torch.randperm(dataset.train.targets.numel()).to(device)
    batches = itertools.cycle(torch.split(order, training.batch_size))

    def train(steps: int) -> None:
        for chosen in itertools.islice(batches, steps):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(dataset.train.inputs[chosen]), dataset.train.targets[chosen])
            torch.autograd.backward(loss)
            optimizer.step()
            with torch.no_grad():
                for name, mask in masks.items():
                    weights[name].mul_(mask)

    train(WARM_UP)
    return stopwatch(lambda: train(steps), device)() / steps
