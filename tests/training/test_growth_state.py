"""A growth that remembers earlier updates: each network's memory is its own, and comes back from a checkpoint."""

import pytest
import torch

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.experiments.setup import TrainingSettings
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import Member, member_of
from criteria import InputError
from tests.training.small_fleets import CPU, MLP, recipe, setup, some_data

TRAINING = TrainingSettings(epochs=4, batch_size=32, learning_rate=0.05)


def training_of(engine, densities=(0.3,)):
    members = [Member(1, density, "erk", recipe("magnitude", "dst_ee")) for density in densities]
    return FleetTraining(members, setup(MLP, TRAINING, engine), some_data(6), CPU)


def trained(training):
    for _ in training.steps():
        pass
    assert not training.failures
    return training.engine.weights(0), training.engine.masks(0)


def same(one, other):
    return all(torch.equal(a[name], b[name]) for a, b in zip(one, other, strict=True) for name in a)


@pytest.mark.parametrize("engine", ["dense", "sparse"])
def test_what_dst_ee_has_counted_comes_back_from_a_checkpoint(engine, tmp_path):
    whole = training_of(engine)
    first = training_of(engine)
    for step in first.steps():
        if step == 5:
            torch.save(first.state_dict(), tmp_path / "saved.pt")
            break
    second = training_of(engine)
    second.load_state_dict(torch.load(tmp_path / "saved.pt", weights_only=True))
    growth = second.engine.members[0].recipe.growth
    assert growth.state_dict()["fc1.weight"]["times"].max() == 2  # of the updates of steps 2 and 4
    assert same(trained(whole), trained(second))
    assert growth.state_dict()["fc1.weight"]["times"].max() == 4


def test_networks_that_train_together_count_for_themselves():
    assert same(trained(training_of("dense")), trained(training_of("dense", (0.3, 0.6))))


def test_growth_by_the_momentum_of_a_training_without_one_is_refused():
    """There would be none to read, and every position would grow as likely as another."""
    without = ["training.momentum=0", "training.nesterov=false"]
    runs = expand(load_experiment("smoke", without, {"growths": ["momentum"]}, []))
    with pytest.raises(InputError, match=r"MomentumGrowth\(\) reads the momentum, and training.momentum is 0; set it"):
        member_of(runs[0])
