"""Trainings whose density changes: gradual pruning, with and without growth."""

import itertools
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import Rule, expand
from benchmark.experiments.setup import TrainingSettings
from benchmark.training.engines import SPARSE
from benchmark.training.fleet_training import FleetTraining, train_fleet
from benchmark.training.members import Member, member_of
from benchmark.training.updates import one_way
from criteria import DensitySchedule, InputError, Rules, load, update_layers
from criteria.contract import ContractError, check_schedule
from criteria.contract.asking import Broken
from criteria.distribution import layer_counts
from criteria.errors import PluginError
from criteria.plugins import Spec
from criteria.rules import exchange
from criteria.schedules.gmp import GMP
from criteria.schedules.granet import GraNet
from tests.criteria.layer_strategies import networks, prune_fractions, unhurried
from tests.training.small_fleets import CPU, MLP, recipe, setup, some_data

TRAINING = TrainingSettings(epochs=10, batch_size=32, learning_rate=0.05)
ONE = {"criteria": ["magnitude"], "growths": ["random"], "densities": [0.1], "seeds": [1]}
SCOPES = st.sampled_from(["local", "global"])


def densities(schedule, final=0.1, **settings):
    """The density of the network at the start and after every epoch, of 2 steps each."""
    member = Member(1, final, "erk", recipe("magnitude", density_schedule=Spec.parse(schedule), **settings))
    (outcome,) = train_fleet([member], setup(MLP, TRAINING), some_data(6), CPU)
    sizes = outcome.measured.weights
    by_epoch = outcome.measured.density_by_epoch
    assert set(by_epoch) == set(sizes)
    total = sum(sizes.values())
    return [sum(by_epoch[name][epoch] * sizes[name] for name in sizes) / total for epoch in range(11)], outcome, total


@pytest.mark.parametrize("scope", ["local", "global"])
@pytest.mark.parametrize("schedule", ["gmp", "granet", "gmp(initial=0.6, begin=0.2, end=0.5)"])
def test_after_every_update_the_network_has_exactly_the_density_of_the_time(schedule, scope):
    found, _, total = densities(schedule, scope=scope)
    plan = load(schedule, "schedule")
    assert found == [round(plan.density(0.1, epoch / 10) * total) / total for epoch in range(11)]


@pytest.mark.parametrize(("schedule", "best"), [("constant", 1), ("gmp", 8), ("granet(end=0.5)", 5)])
def test_only_a_checkpoint_with_the_density_of_the_end_counts(schedule, best, monkeypatch):
    """However much better the denser networks before it are, the result is that of the cell's density."""
    worse_and_worse = (torch.tensor([99.0 - n], dtype=torch.float64) for n in itertools.count())
    monkeypatch.setattr("benchmark.training.fleet_training.evaluate", lambda *_: next(worse_and_worse))
    member = Member(1, 0.1, "erk", recipe("magnitude", density_schedule=Spec.parse(schedule)))
    (outcome,) = train_fleet([member], setup(MLP, TRAINING), some_data(6), CPU)
    assert outcome.best_epoch == best
    active = outcome.active_by_epoch or [1.0] * 11
    assert active[best] == active[-1]


def test_zhu_and_guptas_sparsity_at_half_way_is_seven_eighths_of_the_way_to_the_final_one():
    assert GMP(end=1.0).density(0.2, 0.5) == pytest.approx(1 - 0.8 * (1 - 1 / 8))


def test_gmp_grows_nothing_and_pays_for_no_gradient_of_inactive_weights():
    _, outcome, _ = densities("gmp")
    assert set(outcome.measured.ever_active.values()) == {1.0}  # it started dense
    half, outcome, _ = densities("gmp(initial=0.5)")
    sizes = outcome.measured.weights
    ever = sum(outcome.measured.ever_active[name] * size for name, size in sizes.items()) / sum(sizes.values())
    assert ever == half[0] == pytest.approx(0.5, abs=0.002)
    grown = densities("granet")[1].measured
    assert grown.ever_active_of_all > 0.55
    assert grown.flops.training > outcome.measured.flops.training


@unhurried
@given(networks(), prune_fractions, SCOPES, st.sampled_from(["forbid", "allow", "restart"]), st.data())
def test_whatever_the_targets_an_update_reaches_them(net, fraction, scope, resurrection, data):
    targets = [data.draw(st.integers(1, layer.mask.numel())) for layer in net]
    made = load("magnitude"), load("random", "growth")
    found = update_layers(net, *made, fraction, Rules(scope, resurrection), targets)
    counts = [int(update.mask.sum()) for update in found]
    assert sum(counts) == sum(targets)
    assert counts == targets or scope == "global"
    for layer, update in zip(net, found, strict=True):
        assert update.mask.any()
        if resurrection == "forbid":
            assert not (update.pruned & update.mask).any()
            assert torch.equal(update.mask, (layer.mask & ~update.pruned) | update.grown)


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1))
def test_where_nothing_is_replaced_no_layer_goes_the_other_way_and_the_total_is_as_it_should_be(layers):
    targets, active = (list(each) for each in zip(*layers, strict=True))
    found = one_way(targets, active)
    assert sum(found) == sum(targets)
    falls = sum(targets) <= sum(active)
    assert all(new <= old if falls else new >= old for new, old in zip(found, active, strict=True))
    if all(new <= old if falls else new >= old for new, old in zip(targets, active, strict=True)):
        assert found == targets


def test_gmp_grows_no_weight_in_any_layer_of_a_deep_network():
    """Shares of 56 layers are rounded anew for every density; without care a layer would get one now and then."""
    shapes = {f"layer{n}": (16 << n // 19, 16 << n // 19, 3, 3) for n in range(56)}
    plan, active = GMP(), None
    backwards = 0
    for step in range(1, 700):
        counts = list(layer_counts(shapes, plan.density(0.05, step / 700), "uniform").values())
        if active is not None:
            backwards += any(new > old for new, old in zip(counts, active, strict=True))
            counts = one_way(counts, active)
            assert all(new <= old for new, old in zip(counts, active, strict=True))
        active = counts
    assert backwards  # so that there was something to see


@given(st.integers(1, 50), st.integers(0, 50), st.data(), st.sampled_from(["forbid", "allow"]))
def test_an_exchange_without_change_is_the_one_of_constant_density(active, rest, data, resurrection):
    total, fraction = active + rest, data.draw(prune_fractions)
    lost, gained = exchange(active, total, active, fraction, resurrection)
    assert lost == gained
    target = data.draw(st.integers(1, total))
    lost, gained = exchange(active, total, target, fraction, resurrection)
    assert active - lost + gained == target
    assert 0 <= lost <= active
    assert gained <= total - active + (lost if resurrection == "allow" else 0)


def test_a_training_under_a_schedule_goes_on_from_a_checkpoint_bit_for_bit():
    def fresh():
        members = [
            Member(1, 0.1, "erk", recipe("magnitude", density_schedule=Spec(each))) for each in ("gmp", "granet")
        ]
        return FleetTraining(members, setup(MLP, TRAINING), some_data(6), CPU)

    whole, first = fresh(), fresh()
    for _ in whole.steps():
        pass
    for step in first.steps():
        if step == 7:
            break
    state = first.state_dict()
    second = fresh()
    second.load_state_dict(state)
    for _ in second.steps():
        pass
    for index in range(2):
        one, other = whole.engine.weights(index), second.engine.weights(index)
        assert all(torch.equal(one[name], other[name]) for name in one)


@dataclass
class TooMuch(DensitySchedule):
    def density(self, final, done):
        return final + (1 - done)


@dataclass
class NeverThere(DensitySchedule):
    def density(self, final, done):
        return (1 + final) / 2


@dataclass
class Counting(DensitySchedule):
    asked = 0

    def density(self, final, done):
        self.asked += 1
        return final if done == 1 or final == 1 else min(1.0, final * (1 + 1e-3 / self.asked))


@pytest.mark.parametrize(
    ("schedule", "broken"),
    [(TooMuch(), "density_in_range"), (NeverThere(), "ends_at_density"), (Counting(), "density_of_the_time_alone")],
)
def test_a_schedule_that_breaks_a_promise_is_found(schedule, broken):
    with pytest.raises(ContractError, match="counterexample") as found:
        check_schedule(schedule)
    assert found.value.property == broken
    with pytest.raises(Broken):
        exec(found.value.result.code, {})


@pytest.mark.parametrize("schedule", ["constant", "gmp", "granet", GMP(0.7, 0.1, 0.3), GraNet(1.0)])
def test_those_that_are_shipped_keep_them(schedule):
    check_schedule(schedule)


def test_times_that_are_in_no_order_are_refused():
    with pytest.raises(InputError, match="0 ≤ begin < end ≤ 1"):
        GMP(begin=0.5, end=0.5)
    with pytest.raises(InputError, match="global_prune"):
        load_experiment("smoke", ["topology.density_schedule=gmp", "topology.scope=global_prune"])


def test_what_criteria_would_prune_is_asked_by_fractions_where_an_update_replaces_none():
    """Of nothing all criteria would prune the same."""

    def member(jaccard):
        measured = [f"measure.jaccard={{criteria: [magnitude, random], every: 100{jaccard}}}"]
        return member_of(
            expand(load_experiment("smoke", ["topology.density_schedule=gmp", *measured], baselines=[]))[0]
        )

    with pytest.raises(InputError, match=r"gmp replaces no weights, .* set measure.jaccard.fractions"):
        member("")
    assert member(", fractions: [0.5]").comparison.fractions == (0.5,)


@pytest.mark.parametrize(
    ("gives", "said"),
    [(RuntimeError("no idea"), "RuntimeError: no idea"), (SystemExit(7), "ends the program"), (None, "TypeError")],
)
def test_a_schedule_that_fails_before_the_first_step_is_named_in_one_error(gives, said, monkeypatch):
    def density(self, final, done):
        if isinstance(gives, BaseException):
            raise gives
        return gives

    monkeypatch.setattr(GMP, "density", density)
    (run,) = expand(load_experiment("smoke", ["topology.density_schedule=gmp"], ONE, []))
    recipe_of_gmp = recipe("magnitude", density_schedule=Spec("gmp"))
    for failing in (lambda: member_of(run), lambda: Member(1, 0.1, recipe=recipe_of_gmp).initial_density):
        with pytest.raises(PluginError, match=rf"^schedule GMP\(.*\) cannot say the density: .*{said}"):
            failing()


def test_the_sparse_engine_says_that_it_cannot_change_the_density():
    asked = setup(MLP, TRAINING)
    topology = asked.topology.model_copy(update={"density_schedule": Spec("gmp")})
    asked = asked.model_copy(update={"topology": topology})
    assert "keeps the density, which schedule gmp changes" in SPARSE.refuses(
        asked, Rule(Spec("magnitude"), Spec("random")), CPU
    )
