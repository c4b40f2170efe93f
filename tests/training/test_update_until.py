"""A topology that rests towards the end of a training."""

import math
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.experiments.setup import TrainingSettings
from benchmark.training import fleet_training, updates
from benchmark.training.fleet_training import FleetTraining, train_fleet
from benchmark.training.measurements.jaccard import Comparison
from benchmark.training.members import Member, member_of
from criteria import InputError, load
from criteria.schedule import PruneFraction
from tests.training.small_fleets import CPU, MLP, recipe, setup, some_data

TRAINING = TrainingSettings(epochs=6, batch_size=32, learning_rate=0.05)


@pytest.mark.parametrize(("until", "wanted"), [(1.0, [2, 4, 6, 8, 10, 12]), (0.99, [2, 4, 6, 8, 10]), (0.5, [2, 4, 6])])
def test_no_update_falls_after_the_share_of_the_steps(monkeypatch, until, wanted):
    found = []

    def noted(engine, member, step, total_steps):
        found.append(step)
        return updated(engine, member, step, total_steps)

    updated = updates.update
    monkeypatch.setattr(fleet_training.updates, "update", noted)
    training = FleetTraining(
        [Member(1, 0.3, "erk", recipe("magnitude", update_until=until))], setup(MLP, TRAINING), some_data(6), CPU
    )
    assert training.total_steps == 12
    assert list(training.steps())[-1] == 12
    assert found == wanted


@given(st.integers(1, 100), st.integers(1, 50))
def test_an_update_at_the_very_share_of_the_steps_is_made(percent, hundreds):
    """0.57 · 100 is a little less than 57 in floating point."""
    rule, last = recipe("magnitude", period=1, update_until=percent / 100), percent * hundreds
    assert rule.updates_at(last, 100 * hundreds)
    assert not rule.updates_at(last + 1, 100 * hundreds)
    assert rule.last_update_by(100 * hundreds, 100 * hundreds) == last


@example(57, 1, 0.0, 1.0)
@given(st.integers(1, 100), st.integers(1, 50), st.floats(0, 1), st.floats(0, 1))
def test_the_prune_fraction_does_not_pass_its_end(percent, hundreds, start, end):
    """0.57 · 100 is a little less than 57, of which ζ would be a little above 1: a weight more than there are."""
    rule = recipe("magnitude", period=1, update_until=percent / 100, prune_fraction=PruneFraction("linear", start, end))
    assert rule.fraction(percent * hundreds, 100 * hundreds) == pytest.approx(end)
    assert 0 <= rule.fraction(percent * hundreds, 100 * hundreds) <= 1


def test_the_prune_fraction_is_at_its_end_at_the_last_update(monkeypatch):
    fractions = []

    def noted(layers, criterion, growth, fraction, *rest):
        fractions.append(fraction)
        return update_layers(layers, criterion, growth, fraction, *rest)

    update_layers = updates.update_layers
    monkeypatch.setattr(updates, "update_layers", noted)
    member = Member(
        1, 0.3, "erk", recipe("magnitude", update_until=0.5, prune_fraction=PruneFraction("cosine", 0.4, 0))
    )
    list(FleetTraining([member], setup(MLP, TRAINING), some_data(6), CPU).steps())
    assert fractions == pytest.approx([0.2 * (1 + math.cos(math.pi * step / 6)) for step in (2, 4, 6)])


def test_criteria_are_compared_at_the_fraction_of_the_update():
    member = replace(
        Member(1, 0.3, "erk", recipe("magnitude", update_until=0.5, prune_fraction=PruneFraction("cosine", 0.4, 0))),
        comparison=Comparison((load("magnitude"), load("snip")), every=2),
    )
    asked = [
        each.fraction for each in train_fleet([member], setup(MLP, TRAINING), some_data(6), CPU)[0].measured.overlaps
    ]
    assert asked == pytest.approx([0.2 * (1 + math.cos(math.pi * step / 6)) for step in (2, 4, 6)])


def test_a_schedule_has_to_reach_its_density_while_there_are_updates():
    def made(schedule):
        experiment = load_experiment("smoke", [f"topology.density_schedule={schedule}", "topology.update_until=0.5"])
        return member_of(expand(experiment)[-1])

    with pytest.raises(InputError, match=r"has not come to the final density at the last update, step \d+ of"):
        made("gmp")
    assert made("gmp(end=0.4)").recipe is not None


@pytest.mark.parametrize(
    ("topology", "message"),
    [
        (["update_period=130", "update_until=0.5", "density_schedule=gmp(end=0.5)"], "at the last update, step"),
        (["update_period=100000", "density_schedule=gmp"], "a training of 1140 steps has none"),
    ],
)
def test_a_schedule_whose_last_update_comes_too_early_is_refused(topology, message):
    experiment = load_experiment("smoke", [f"topology.{each}" for each in topology])
    with pytest.raises(InputError, match=message):
        member_of(expand(experiment)[-1])
