"""A last batch of one example, which batch-norm does not take where it has one number for each channel."""

import pytest
from torch import nn

from benchmark.experiments.setup import TrainingSettings
from benchmark.training import initial
from benchmark.training.fleet_training import FleetTraining, train_fleet
from benchmark.training.members import Member
from criteria.errors import InputError
from tests.training.small_fleets import CPU, MLP, setup, some_data

EXAMPLES = 21
"""A third of those that are made is for training."""


def normalised():
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 10))


@pytest.fixture
def with_batch_norm(monkeypatch):
    model, plain = {"name": "with batch-norm"}, initial.build_network
    monkeypatch.setattr(initial, "build_network", lambda of, *seen: normalised() if of == model else plain(of, *seen))
    monkeypatch.setattr(initial, "require_trainable", lambda *_: None)
    return model


def training(batch_size):
    return TrainingSettings(epochs=1, batch_size=batch_size, learning_rate=0.05)


@pytest.mark.parametrize("engine", ["dense", "sparse"])
@pytest.mark.parametrize("batch_size", [3, 1, 6])
def test_batch_norm_and_a_last_batch_of_one_example_are_refused_before_anything_is_trained(
    with_batch_norm, engine, batch_size
):
    asked = setup(with_batch_norm, training(batch_size), engine)
    with pytest.raises(InputError, match="has one example, and model 'with batch-norm' fails"):
        FleetTraining([Member(1, 0.5)], asked, some_data(6, examples=EXAMPLES), CPU)


def test_two_examples_are_enough_and_without_batch_norm_one_is(with_batch_norm):
    data = some_data(6, examples=EXAMPLES)
    for model, batch_size in ((with_batch_norm, 5), (with_batch_norm, 7), (with_batch_norm, 100), (MLP, 3)):
        (outcome,) = train_fleet([Member(1, 0.5)], setup(model, training(batch_size)), data, CPU)
        assert len(outcome.validation_accuracy) == 1
