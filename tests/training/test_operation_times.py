"""What each operation of the sparse engine takes can be measured, and measuring it changes nothing."""

import numpy as np
import torch

from benchmark.experiments.setup import TrainingSettings
from benchmark.training.engines.sparse.table import Way
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import Member
from tests.training.small_fleets import CPU, LENET5, recipe, setup, some_data


def training_of_two():
    members = [Member(seed, 0.3, "erk", recipe("magnitude")) for seed in (1, 2)]
    asked = setup(LENET5, TrainingSettings(epochs=1, batch_size=20, learning_rate=0.02), engine="sparse")
    return FleetTraining(members, asked, some_data(1, 28, 28), CPU)


def trained(*, timed):
    training = training_of_two()
    spent = training.engine.time_operations() if timed else None
    for _ in training.steps():
        pass
    return training.engine, training.finish(), spent


def test_a_training_whose_operations_are_timed_has_the_same_bits():
    (plain, outcomes, _), (timed, others, _) = trained(timed=False), trained(timed=True)
    assert outcomes == others
    for member in range(2):
        for name, weight in plain.weights(member).items():
            assert torch.equal(weight, timed.weights(member)[name])


def test_every_product_takes_time_forward_backwards_and_in_evaluations():
    engine, _, spent = trained(timed=True)
    products = np.array([node.is_product for node in engine.operations])
    found = spent.sum(0)
    assert found.shape == (len(Way), products.size)
    for way in (Way.FORWARD, Way.EVALUATION, Way.WEIGHT_GRADIENT):
        assert (found[way, products] > 0).all()
    assert found[Way.LOSS, -1] > 0
    assert not found[Way.LOSS, :-1].any()


def test_the_times_are_of_the_threads_that_the_networks_were_made_with(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    engine = training_of_two().engine
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert len(engine.time_operations()) == 2
