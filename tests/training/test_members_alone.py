"""Members of a fleet do not disturb each other: on a CPU each trains as it would alone, bit for bit."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from benchmark.experiments.setup import TrainingSettings
from benchmark.training.fleet_training import train_fleet
from benchmark.training.members import Member
from criteria import names
from tests.training.small_fleets import CPU, LENET5, MLP, all_masks, all_weights, recipe, setup, some_data

UPDATES = 10
"""The first so many updates of every member must leave the same masks."""
PERIODS = (1, 2, 3)
SCHEDULE = TrainingSettings(epochs=4, batch_size=8, learning_rate=0.02)
EXAMPLES = 8 * 8 * 3
"""8 batches in each of 4 epochs: 32 steps, and 10 updates need 30 at the longest period; a third is for training."""
DROPOUT = {"name": "mlp", "widths": [16, 12], "dropout": 0.2}
BATCH_NORM = {"name": "conv with batch-norm"}


def conv_with_batch_norm():
    """Small enough to train 32 times in a test; the paper's networks with batch-norm are not."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(),
        nn.Conv2d(6, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


def sixteen():
    """Members of all criteria, growths, periods, distributions, scopes and rules; fresh, as criteria may have state."""
    criteria, growths = itertools.cycle(names()), itertools.cycle(names("growth"))
    densities, seeds = itertools.cycle((0.05, 0.1, 0.3, 0.5)), itertools.cycle((1, 2, 3))
    periods, distributions = itertools.cycle(PERIODS), itertools.cycle(("erk", "er", "uniform"))
    scopes = itertools.cycle(("local", "local", "local", "local", "global"))
    rules = itertools.cycle(("forbid", "forbid", "allow"))
    moving = [
        Member(
            next(seeds),
            next(densities),
            next(distributions),
            recipe(next(criteria), next(growths), next(periods), scope=next(scopes), resurrection=next(rules)),
        )
        for _ in range(14)
    ]
    return [Member(1, 1.0), *moving, Member(2, 0.1)]


@pytest.fixture
def trained(kept_engines):
    """Trains members; returns the masks after each step, the outcomes, and the weights after the last step."""

    def train(members, model, dataset, schedule=SCHEDULE):
        masks = []

        def look(_step, _total):
            masks.append(all_masks(kept_engines[-1]))

        outcomes = train_fleet(members, setup(model, schedule), dataset, CPU, look)
        return masks, outcomes, all_weights(kept_engines[-1])

    return train


def check_against_members_alone(train, model, dataset, indices):
    masks, outcomes, weights = train(sixteen(), model, dataset)
    assert len(outcomes) == 16
    for index in indices:
        member = sixteen()[index]
        alone_masks, (alone,), own_weights = train([member], model, dataset)
        period = member.recipe.topology.update_period if member.recipe else 1
        for step in range(UPDATES * period):
            for name, mask in masks[step].items():
                assert torch.equal(mask[index], alone_masks[step][name][0]), (member, step + 1, name)
        assert not alone.diverged
        assert outcomes[index] == alone  # accuracies and best epoch too
        for name, weight in weights.items():
            assert torch.equal(weight[index], own_weights[name][0])


@pytest.mark.parametrize("model", [MLP, DROPOUT], ids=["mlp", "dropout"])
def test_a_perceptron_trains_in_a_fleet_of_sixteen_as_it_does_alone(model, trained):
    check_against_members_alone(trained, model, some_data(6, examples=EXAMPLES), range(16))


@pytest.mark.parametrize(
    ("model", "shape", "every"),
    [pytest.param(LENET5, (1, 28, 28), 7, marks=pytest.mark.long), (BATCH_NORM, (3, 10, 10), 3)],
    ids=["lenet5", "batch-norm"],
)
def test_a_convolutional_network_trains_in_a_fleet_of_sixteen_as_it_does_alone(
    model, shape, every, trained, monkeypatch
):
    if model is BATCH_NORM:
        monkeypatch.setattr("benchmark.training.initial.build_network", lambda *_: conv_with_batch_norm())
    check_against_members_alone(trained, model, some_data(*shape, examples=EXAMPLES), range(0, 16, every))


def test_the_sixteen_members_of_these_tests_differ_in_all_that_members_can_differ_in(trained):
    recipes = [member.recipe for member in sixteen() if member.recipe]
    assert {type(each.criterion).__name__ for each in recipes} >= {"Magnitude", "SET", "MEST", "SNIP", "RunningSNIP"}
    assert len({type(each.growth) for each in recipes}) == len(names("growth"))
    assert {each.topology.update_period for each in recipes} == set(PERIODS)
    assert {each.topology.scope for each in recipes} == {"local", "global"}
    masks, _, _ = trained(sixteen(), MLP, some_data(6, examples=EXAMPLES))
    for index, member in enumerate(sixteen()):
        moved = any(not torch.equal(masks[0][name][index], masks[-1][name][index]) for name in masks[0])
        assert moved == (member.recipe is not None)


@settings(max_examples=5, deadline=None)
@given(chosen=st.lists(st.integers(0, 15), min_size=1, max_size=5))
def test_any_fleet_of_perceptrons_gives_each_member_the_bits_that_any_other_fleet_gives_it(chosen):
    dataset = some_data(6, examples=EXAMPLES)
    members = sixteen()
    # a criterion may have state, so a member that is in the fleet twice needs an instance for each
    fleet = train_fleet([sixteen()[index] for index in chosen], setup(MLP, SCHEDULE), dataset, CPU)
    for index, outcome in zip(chosen, fleet, strict=True):
        pair = train_fleet([members[0], sixteen()[index]], setup(MLP, SCHEDULE), dataset, CPU)
        assert outcome == pair[1]


def test_the_same_fleet_gives_the_same_bits_again(trained):
    dataset = some_data(1, 28, 28, examples=EXAMPLES)
    one_epoch = SCHEDULE.model_copy(update={"epochs": 1})
    once, again = (trained(sixteen()[:2], LENET5, dataset, one_epoch) for _ in range(2))
    assert once[1] == again[1]
    for name, weight in once[2].items():
        assert torch.equal(weight, again[2][name])
