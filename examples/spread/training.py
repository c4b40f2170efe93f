"""Training from draws of different seeds: random streams have names, so each name is given its own seed."""

from collections.abc import Sequence
from math import prod
from unittest.mock import patch

import torch
from torch import Tensor

from benchmark.data.dataset import Dataset
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.outcome import Outcome
from benchmark.experiments.runs import Rule, Run
from benchmark.experiments.setup import Setup
from benchmark.running.plan import dataset_on
from benchmark.training.fleet_training import train_fleet
from benchmark.training.members import Member, member_of
from criteria.distribution import Shape, random_mask
from criteria.plugins import Spec
from criteria.randomness import stream
from examples.spread.starts import Start, Task

CPU = torch.device("cpu")
DENSITY = 0.05
PERIOD = 200
"""Optimizer steps between topology updates, as in the trainings with the authors' released code."""
RULES_BY_NAME = {
    "static": Rule(baseline=Spec("static")),
    "magnitude": Rule(Spec("magnitude"), Spec("random")),
}
DRAW_OF = {"initial mask": "mask", "initial weights": "weights", "batches": "batches", "topology": "growth"}
"""The draw that each name of a random stream belongs to."""


def one_thread() -> None:
    """Keep a process to one thread: with one process a core, more would be in each other's way."""
    torch.set_num_threads(1)


def train(fleet: Sequence[Task], epochs: int) -> list[float]:
    """Test accuracies after the last epoch, in percent, of tasks that share a rule and a draw of the mask."""
    panel = load_experiment("fmnist-cnn-authors").setups[0][1]
    setup = panel.model_copy(
        update={
            "training": panel.training.model_copy(update={"epochs": epochs}),
            "topology": panel.topology.model_copy(update={"update_period": PERIOD}),
            "engine": "sparse",
        }
    )
    dataset = dataset_on(setup.data, None, CPU)
    found = outcomes(fleet[0].rule, fleet[0].draw, [task.start for task in fleet], setup, dataset)
    return [outcome.test_accuracy_last for outcome in found]


def outcomes(rule: str, draw: str, starts: Sequence[Start], setup: Setup, dataset: Dataset) -> list[Outcome]:
    """What trainings come to that draw from ``starts``; with one seed for all draws, what a run of that seed comes to.

    A member has the place of its start for a seed, and a stream that is asked for gets the seed of its draw.
    """

    def stream_of_draw(place: int, name: str, *label: object) -> torch.Generator:
        return stream(getattr(starts[place], DRAW_OF[name]), name, *label)

    members = [member(rule, setup, place) for place in range(len(starts))]
    with (
        patch("benchmark.training.initial.stream", stream_of_draw),
        patch("benchmark.training.batches.stream", stream_of_draw),
        patch("benchmark.training.initial.random_mask", flipped_mask if draw == "coin flips" else random_mask),
    ):
        return train_fleet(members, setup, dataset, CPU)


def member(name: str, setup: Setup, seed: int) -> Member:
    """A network of a fleet under one of the rules."""
    rule = RULES_BY_NAME[name]
    return member_of(Run(setup, rule, rule.cell(DENSITY, {}), seed))


def flipped_mask(shape: Shape, count: int, generator: torch.Generator) -> Tensor:
    """A bool mask [*shape] in which each position is active by a coin flip, and ``count`` of them on average."""
    return torch.rand(tuple(shape), generator=generator) < count / prod(shape)
