"""A member's failure is its own: the others train on, bit for bit, and what failed is named with its line and step."""

import os
import random
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.data.dataset import Dataset, Split
from benchmark.experiments.setup import TrainingSettings
from benchmark.system import interruption
from benchmark.training.fleet_training import FleetTraining, train_fleet
from benchmark.training.members import Member
from criteria import Criterion, Layer
from criteria.errors import PluginError, where_raised
from criteria.growth.random import RandomGrowth
from criteria.pruning.magnitude import Magnitude
from criteria.schedules.gmp import GMP
from tests.training.small_fleets import CPU, MLP, recipe, setup, some_data

TRAINING = TrainingSettings(epochs=2, batch_size=16, learning_rate=0.05)
DATA = some_data(6, examples=180)


class Fails(Magnitude):
    """Fails at step 4, in a way of its own."""

    def __init__(self, error=None):
        self.error = error or ZeroDivisionError("by zero")

    def score(self, layer):
        if layer.step >= 4:
            raise self.error
        return super().score(layer)


class FailsToObserve(Fails):
    def observe(self, layer):
        if layer.step == 3:
            raise self.error


class WithState(Magnitude):
    def __init__(self, state):
        self.state = state

    def observe(self, layer):
        pass

    def state_dict(self):
        return self.state() if callable(self.state) else self.state


class GrowsNothing(RandomGrowth):
    def select(self, layer, n, candidates):
        return torch.zeros_like(candidates)


class FindsNothing(RandomGrowth):
    def select(self, layer, n, candidates):
        return next(each for each in () if each)


def members(*criteria, growth="gradient"):
    return [Member(seed, 0.3, "erk", _recipe(each, growth)) for seed, each in enumerate(criteria, start=1)]


def _recipe(criterion, growth="gradient"):
    known = recipe(criterion if isinstance(criterion, str) else "magnitude", growth)
    return known if isinstance(criterion, str) else replace(known, criterion=criterion)


def trained(fleet, training=TRAINING, data=DATA, engine="dense"):
    found = FleetTraining(fleet, setup(MLP, training, engine), data, CPU)
    list(found.steps())
    return found, found.finish()


@pytest.mark.parametrize(
    "error",
    [KeyError("gone"), ValueError("bad"), SystemExit(0), SystemExit("bye"), GeneratorExit(), RecursionError("deep"),
     BaseException("odd"), RuntimeError("two\nlines \x1b[2J"), AssertionError(), StopIteration()],
    ids=repr,
)  # fmt: skip
def test_however_a_criterion_fails_the_others_train_as_if_it_were_not_there(error, engine):
    found, outcomes = trained(members("magnitude", Fails(error), "snip"), engine=engine)
    _, whole = trained(members("magnitude", "magnitude", "snip"), engine=engine)
    assert found.failures.keys() == {1}
    assert [outcomes[0], outcomes[2]] == [whole[0], whole[2]]
    said = found.failures[1]
    assert re.search(r"failed at step 4: .*test_failures\.py, line \d+\)$", said), said
    assert said.isprintable()
    assert "dst-bench contract" not in said


@pytest.mark.parametrize("criterion", [FailsToObserve(), Fails()], ids=lambda each: type(each).__name__)
def test_an_observer_and_a_selection_fail_alone(criterion):
    found, _ = trained(members(criterion, "running_snip"))
    assert found.failures.keys() == {0}
    assert "ZeroDivisionError: by zero" in found.failures[0]


@pytest.mark.parametrize(
    "broken", [{"criterion": FailsToObserve(StopIteration())}, {"growth": FindsNothing()}], ids=str
)
def test_a_hook_that_finds_nothing_next_fails_alone(broken):
    fleet = members("magnitude", "set")
    fleet[0] = replace(fleet[0], recipe=replace(fleet[0].recipe, **broken))
    found, _ = trained(fleet)
    assert found.failures.keys() == {0}
    assert "StopIteration" in found.failures[0]


def test_a_criterion_that_raises_what_ctrl_c_raises_fails_alone():
    with interruption.interruptible():
        found, _ = trained(members("magnitude", Fails(KeyboardInterrupt())))
    assert found.failures.keys() == {1}
    assert "KeyboardInterrupt" in found.failures[1]


def test_a_schedule_that_finds_nothing_next_fails_alone(monkeypatch):
    densities = {0.0: 1.0}
    monkeypatch.setattr(
        GMP, "density", lambda self, final, done: next(densities[each] for each in densities if each == done)
    )
    fleet = members("magnitude", "set")
    fleet[0] = replace(fleet[0], recipe=recipe("magnitude", density_schedule="gmp"))
    found, _ = trained(fleet)
    assert found.failures.keys() == {0}
    assert re.match(r"schedule GMP\(.*\) failed at step \d: StopIteration", found.failures[0])


def test_a_growth_that_breaks_its_promise_fails_alone():
    fleet = members("magnitude", "set")
    fleet[0] = replace(fleet[0], recipe=replace(fleet[0].recipe, growth=GrowsNothing()))
    found, _ = trained(fleet)
    assert found.failures.keys() == {0}
    assert "growth GrowsNothing selected 0 positions" in found.failures[0]


def test_when_nobody_is_left_to_go_on_the_training_ends():
    with pytest.raises(PluginError, match="by zero"):
        trained(members(Fails(), Fails()))
    with pytest.raises(PluginError, match="failed at step 4"):
        train_fleet(members("magnitude", Fails()), setup(MLP, TRAINING), DATA, CPU)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (lambda: 1 / 0, "division by zero"),
        (lambda: next(iter(())), "StopIteration"),
        ({"f": lambda: 1}, "it holds a function"),
        ({"n": [np.zeros(2)]}, "it holds a ndarray"),
        ({"g": torch.Generator()}, "it holds a Generator"),
        ([1], "it gave a list, not a dict"),
    ],
)
def test_a_state_that_no_checkpoint_can_hold_costs_its_own_member_and_no_checkpoint(state, said, tmp_path):
    found = FleetTraining(members("running_snip", WithState(state)), setup(MLP, TRAINING), DATA, CPU)
    for step in found.steps():
        if step == 3:
            break
    torch.save(found.state_dict(), tmp_path / "saved.pt")
    assert list(found.failures) == [1]
    assert said in found.failures[1]
    again = FleetTraining(members("running_snip", WithState({})), setup(MLP, TRAINING), DATA, CPU)
    again.load_state_dict(torch.load(tmp_path / "saved.pt", weights_only=True))
    assert again.failures == found.failures
    list(again.steps())
    assert again.finish()[0] == trained(members("running_snip", "magnitude"))[1][0]


def test_a_state_of_plain_values_is_kept():
    state = {"a": [1, 2.0, None, ("x", b"y")], "t": torch.ones(2), "s": {1}, "d": torch.float32}
    found = FleetTraining(members(WithState(state)), setup(MLP, TRAINING), DATA, CPU)
    assert found.state_dict()["plugins"][0]["criterion"] is state
    assert not found.failures


def test_a_hessian_product_that_is_not_finite_is_divergence_and_no_failure_of_the_criterion():
    wild = Dataset(
        "wild", *(Split(part.inputs * 1e13, part.targets) for part in (DATA.train, DATA.validation, DATA.test)), 10
    )
    calm = TRAINING.model_copy(update={"learning_rate": 1e-30, "weight_decay": 0.0})
    found, outcomes = trained(members("grasp(temperature=1e-30)", "magnitude"), calm, wild)
    assert found.failures == {}
    assert outcomes[0].diverged


class Rude(Magnitude):
    """Changes everything of the process that it can."""

    def observe(self, layer):
        torch.set_default_dtype(torch.float64)
        torch.manual_seed(0)
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.use_deterministic_algorithms(True)
        torch.set_grad_enabled(True)
        np.random.seed(0)
        random.seed(0)
        os.chdir("/")
        print("I am here")

    score_too = observe

    def score(self, layer):
        self.score_too(layer)
        return super().score(layer)

    def state_dict(self):
        self.score_too(None)
        return {}

    def load_state_dict(self, state):
        self.score_too(None)


def test_what_a_plugin_does_to_the_process_changes_no_other_member_and_is_put_back(capsys):
    def state():
        return (torch.get_default_dtype(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(),
                os.getcwd(), random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist())  # fmt: skip

    _, quiet = trained(members("magnitude", "random"))
    before = state()
    rude = FleetTraining(members(Rude(), "random"), setup(MLP, TRAINING), DATA, CPU)
    for _ in rude.steps():
        assert state() == before
    rude.load_state_dict(rude.state_dict())
    assert state() == before
    assert rude.finish() == quiet
    assert "I am here" not in capsys.readouterr().out


class Counts(Magnitude):
    """Notes in how many threads it computes."""

    def __init__(self):
        self.threads = set()

    def observe(self, layer):
        self.threads.add(torch.get_num_threads())

    def score(self, layer):
        self.observe(layer)
        return super().score(layer)


def test_a_plugin_computes_in_one_thread_whatever_the_number_of_threads_of_the_process():
    before, criterion = torch.get_num_threads(), Counts()
    torch.set_num_threads(3)
    try:
        trained(members(criterion, "random"))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert criterion.threads == {1}


def test_the_place_of_a_failure_is_in_the_plugin_and_not_in_torch_or_in_ours():
    def failing(function):
        try:
            function()
        except Exception as error:
            return where_raised(error)
        raise AssertionError

    here = __file__
    assert failing(lambda: torch.zeros(2) @ torch.zeros(3)).startswith(f"{here}, line ")
    assert failing(lambda: Criterion().score(None)).startswith(f"{here}, line ")
    layer = Layer("fc", torch.ones(2), None, torch.ones(2, dtype=torch.bool))
    assert "grasp.py, line " in failing(lambda: recipe("grasp").criterion.score(layer))


def failing_later(error, calls):
    """Passes on what it gets, and fails after so many calls."""
    left = iter(range(calls))

    def passes(stored, _):
        if next(left, None) is None:
            raise error
        return stored

    return passes


@pytest.mark.parametrize("from_files", [False, True])
@pytest.mark.parametrize(
    ("part", "calls"),
    [("augment", 2), ("decode", 2), ("decode", 4)],
    ids=["augment", "decode a batch", "decode what is evaluated"],
)
def test_a_data_set_that_fails_in_training_or_evaluation_is_named_with_what_it_failed_at(part, calls, from_files):
    """An epoch has four batches."""
    data = replace(
        DATA, **{part: failing_later(OSError(5, "Input/output error", "x.jpg"), calls)}, from_files=from_files
    )
    message = rf"data set 'made up' failed in {part}\(\): OSError: \[Errno 5\] Input/output error: 'x.jpg'"
    with pytest.raises(PluginError, match=message):
        train_fleet([Member(seed=1, density=1.0)], setup(MLP, TRAINING), data, CPU)


@pytest.mark.parametrize("part", ["augment", "decode"])
def test_running_out_of_memory_is_no_failure_of_a_data_set(part):
    """It may be the size of the fleet, for which a smaller one is trained."""
    data = replace(DATA, **{part: failing_later(torch.OutOfMemoryError("no memory"), 2)})
    with pytest.raises(torch.OutOfMemoryError):
        train_fleet([Member(seed=1, density=1.0)], setup(MLP, TRAINING), data, CPU)
