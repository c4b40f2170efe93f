"""A training that is saved at any moment and goes on elsewhere ends bitwise where the undisturbed one ends."""

import copy
import os
import pickle
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from benchmark.data.augment import CropAndFlip
from benchmark.data.dataset import Dataset, Split
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.outcome import Outcome
from benchmark.experiments.runs import expand
from benchmark.experiments.setup import TopologySettings, TrainingSettings
from benchmark.running.checkpoint import (
    Checkpoint,
    DamagedCheckpointError,
    checkpoint_file,
    read_checkpoint,
    versions,
    write_checkpoint,
)
from benchmark.running.resume import Place, usable_checkpoint
from benchmark.system.device import environment
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.members import Member, Recipe
from criteria import InputError, load
from tests.running.tiny import TINY
from tests.training.small_fleets import setup

CPU = torch.device("cpu")
TRAINING = TrainingSettings(epochs=3, batch_size=16, learning_rate=0.05)
STEPS = 3 * 4
RUNS = ["a", "b"]
MODELS = {
    "perceptron with dropout": {"name": "mlp", "widths": [12, 8], "dropout": 0.2},
    "convolution with batch-norm": {"name": "conv"},
}


def conv():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip


@cache
def images():
    generator = torch.Generator().manual_seed(0)
    inputs, targets = torch.randn(60, 3, 6, 6, generator=generator), torch.randint(10, (60,), generator=generator)
    part = Split(inputs, targets)
    return Dataset("made up", part, part, part, classes=10, augment=CropAndFlip(padding=1))


def members():
    """With state, with draws, in global scope, with a reset of momentum, and one that never moves."""

    def recipe(criterion, growth, **settings):
        return Recipe(load(criterion), load(growth, "growth"), TopologySettings(update_period=2, **settings))

    return [
        Member(1, 0.2, "erk", recipe("running_snip", "gradient")),
        Member(2, 0.3, "erk", recipe("running_magnitude(beta=0.5)", "momentum", grown_momentum="reset")),
        Member(1, 0.2, "erk", recipe("random", "random", scope="global")),
        Member(3, 0.2, "erk", recipe("grasp", "gradient", resurrection="allow")),
        Member(2, 0.2),
    ]


@pytest.fixture(autouse=True)
def _conv(monkeypatch):
    """One more model: a small network with batch-norm."""
    from benchmark.training import initial

    build = initial.build_network

    def with_conv(model, *rest):
        return conv() if model["name"] == "conv" else build(model, *rest)

    monkeypatch.setattr(initial, "build_network", with_conv)


def training_of(members, model):
    return FleetTraining(members, setup(MODELS[model], TRAINING), images(), CPU)


def begin(model):
    return training_of(members(), model)


def advance(training, steps):
    for _, _ in zip(range(steps), training.steps(), strict=False):
        pass


def file_in(folder):
    return checkpoint_file(folder, RUNS)


def checkpoint_of(training, **changes):
    fields = {
        "versions": versions(setup(MODELS["perceptron with dropout"], TRAINING), "0123"),
        "runs": RUNS,
        "environments": [environment(CPU)],
        "seconds": 1.5,
        "step": training.step,
        "total_steps": training.total_steps,
        "state": training.state_dict(),
        "outcomes": None,
    }
    return Checkpoint(**(fields | changes))


def assert_same(one, other):
    """Equal bit for bit, whatever is in it."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one.isnan(), other.isnan())
        assert torch.equal(one.nan_to_num(), other.nan_to_num())
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_same(a, b)
    else:
        assert one == other


@cache
def undisturbed(model):
    training = begin(model)
    advance(training, STEPS)
    return copy.deepcopy(training.state_dict()), training.finish()


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_wherever_a_training_is_interrupted_it_ends_bitwise_where_the_undisturbed_one_ends(
    model, data, tmp_path_factory
):
    file = file_in(tmp_path_factory.getbasetemp())
    moments = data.draw(st.lists(st.integers(0, STEPS), max_size=3, unique=True).map(sorted))
    end, outcomes = undisturbed(model)
    training = begin(model)
    for moment in moments:
        advance(training, moment - training.step)
        assert training.step == moment
        write_checkpoint(file, checkpoint_of(training))
        training = begin(model)
        training.load_state_dict(read_checkpoint(file).state)
    advance(training, STEPS)
    assert_same(training.state_dict(), end)
    assert training.finish() == outcomes


def test_the_trainings_of_these_tests_move_masks_and_gather_state(tmp_path):
    training = begin("perceptron with dropout")
    before = training.engine.masks(0)
    advance(training, STEPS)
    assert any(not torch.equal(mask, before[name]) for name, mask in training.engine.masks(0).items())
    states = [each.get("criterion") for each in training.state_dict()["plugins"]]
    assert states[0]
    assert states[1]
    assert not states[4]
    assert any("drawn" in name for name in training.engine.state_dict()["buffers"])


@pytest.fixture(scope="module")
def some_file(tmp_path_factory):
    file = file_in(tmp_path_factory.mktemp("checkpoint"))
    training = training_of(members(), "perceptron with dropout")
    advance(training, 3)
    write_checkpoint(file, checkpoint_of(training))
    return file


def test_what_is_written_is_read_again(some_file):
    training = begin("perceptron with dropout")
    advance(training, 3)
    found = read_checkpoint(some_file)
    assert_same(found.state, training.state_dict())
    assert (found.runs, found.step, found.total_steps, found.seconds) == (RUNS, 3, STEPS, 1.5)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_checkpoint_with_any_damage_is_refused_in_one_line_or_reads_the_same(some_file, data):
    content = bytearray(some_file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    damaged = file_in(some_file.parent / "damaged")
    damaged.parent.mkdir(parents=True, exist_ok=True)
    damaged.write_bytes(content)
    try:
        found = read_checkpoint(damaged)
    except DamagedCheckpointError as refused:
        said = str(refused)
    else:
        assert_same(found.state, read_checkpoint(some_file).state)
        return
    assert said.startswith(f"{damaged}: not a ")
    assert "\n" not in said


class Evil:
    def __reduce__(self):
        return os.mkdir, ("executed",)


@pytest.mark.parametrize("write", [torch.save, lambda evil, path: Path(path).write_bytes(pickle.dumps(evil))])
def test_nothing_in_a_checkpoint_is_executed(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write({"format": 2, "state": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(DamagedCheckpointError) as refused:
        read_checkpoint(tmp_path / "evil.pt")
    assert "\n" not in str(refused.value)
    assert not Path("executed").exists()


@pytest.mark.parametrize("content", [{}, [], {"format": 2}, 3.5, None])
def test_a_torch_file_of_something_else_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(DamagedCheckpointError, match=r"other\.pt: not a checkpoint of this kind"):
        read_checkpoint(tmp_path / "other.pt")


END = {"state": None, "outcomes": [Outcome(90.0, 90.0), Outcome(80.0, 80.0)]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": None}, "a state before the end and outcomes at the end"),
        (END | {"outcomes": END["outcomes"][:1]}, "outcomes of 2 runs, found 1"),
        (END | {"outcomes": [Outcome(500.0), Outcome()]}, "between 0 and 100 percent, not 500"),
        (END | {"outcomes": [Outcome(float("nan")), Outcome()]}, "between 0 and 100 percent, not nan"),
        ({"environments": []}, "environments"),
        ({"environments": [{}]}, "it lacks dst-bench, torch, device"),
        ({"seconds": -1.0}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
    ],
)
def test_a_checkpoint_that_no_training_can_have_written_is_refused(changes, said, tmp_path):
    plain = checkpoint_of(begin("perceptron with dropout"))
    path = file_in(tmp_path)
    write_checkpoint(path, plain.model_copy(update=changes))
    with pytest.raises(DamagedCheckpointError, match=said):
        read_checkpoint(path)


def test_a_checkpoint_for_which_there_is_no_memory_is_not_called_damaged(tmp_path, monkeypatch):
    def scarce(*_arguments, **_options):
        raise RuntimeError("unable to mmap 800000000 bytes from file <x.pt>: Cannot allocate memory (12)")

    path = file_in(tmp_path)
    write_checkpoint(path, checkpoint_of(begin("perceptron with dropout")))
    monkeypatch.setattr(torch, "load", scarce)
    with pytest.raises(InputError, match="cannot be read: unable to mmap") as refused:
        read_checkpoint(path, whole=False)
    assert not isinstance(refused.value, DamagedCheckpointError)


def test_a_checkpoint_under_another_name_is_refused(some_file, tmp_path):
    (tmp_path / "other.pt").write_bytes(some_file.read_bytes())
    with pytest.raises(DamagedCheckpointError, match=r"other\.pt: .* it holds other runs"):
        read_checkpoint(tmp_path / "other.pt")


def test_a_state_of_another_fleet_is_not_taken_over():
    training = begin("perceptron with dropout")
    other = training_of(members()[:2], "perceptron with dropout")
    with pytest.raises(ValueError, match="other names or shapes"):
        training.load_state_dict(other.state_dict())


def test_a_checkpoint_of_other_code_or_other_data_is_named_and_not_used(tmp_path, monkeypatch):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    fleet = expand(load_experiment(str(tmp_path / "tiny.yaml")))[:1]
    path, said = checkpoint_file(tmp_path, [run.id for run in fleet]), []
    plain = {"versions": versions(fleet[0].setup, "0123"), "runs": [run.id for run in fleet]}
    write_checkpoint(path, checkpoint_of(begin("perceptron with dropout"), **plain))
    place = Place(images(), "0123", CPU, say=said.append)
    assert usable_checkpoint(path, fleet, place) is not None
    assert usable_checkpoint(path, fleet, replace(place, data="4567")) is None
    assert "data 4567; its run begins anew" in said.pop()
    monkeypatch.setattr("benchmark.running.checkpoint.code_of_setup", lambda _setup: "changed")
    assert usable_checkpoint(path, fleet, place) is None
    (line,) = said
    assert "code changed, data 0123; its run begins anew" in line
