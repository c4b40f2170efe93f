"""Whatever a plugin does in one of its hooks, outside of a training step, comes out as one error that names it."""

import os
import random

import pytest
import torch

from baselines import Baseline
from benchmark.data import load_dataset, source_of
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.experiments.setup import TrainingSettings
from benchmark.models import build_model
from benchmark.system import interruption
from benchmark.training.fleet_training import train_fleet
from benchmark.training.members import Member
from criteria.errors import PluginError
from tests.installed import unique
from tests.training.small_fleets import CPU, MLP, setup, some_data

SOURCE = """
from dataclasses import dataclass

from baselines import Baseline
from benchmark.data import DataSource, Look
from benchmark.verdicts.claims import claim


def deed():
    {deed}


class NoDensities(Baseline):
    def densities(self, grid):
        return deed() or grid


class NoModel(Baseline):
    def model(self, model):
        return deed() or model


@dataclass(frozen=True)
class NoLook(DataSource):
    @property
    def look(self):
        return deed() or Look((8,), 3, 20, -1.0, 1.0)

    def load(self, root):
        raise AssertionError


class NoData(DataSource):
    look = Look((8,), 3, 20, -1.0, 1.0)

    def load(self, root):
        deed()


def no_network(inputs, classes):
    from torch import nn

    return deed() or nn.Linear(inputs[0], classes)
"""
POINTS = """
[dst_bench.baselines]
no_densities = {module}:NoDensities
no_model = {module}:NoModel
[dst_bench.data]
no_look = {module}:NoLook
no_data = {module}:NoData
[dst_bench.models]
no_network = {module}:no_network
"""


class NoScores(Baseline):
    chooses = True

    def scores(self, network, names, inputs, loss):
        return next(name for name in names if name == "not there")


HOOKS = {
    "baseline 'no_densities' failed in densities()": lambda: expand(
        load_experiment("smoke", baselines=["no_densities"])
    ),
    "baseline 'no_model' failed in model()": lambda: expand(load_experiment("smoke", baselines=["no_model"])),
    "data set 'no_look' cannot say how it looks": lambda: source_of("no_look"),
    "data set 'no_data' cannot be loaded": lambda: load_dataset("no_data"),
    "model 'no_network' cannot be built": lambda: build_model("no_network", inputs=(8,), classes=3),
}


@pytest.fixture
def doing(site):
    """Installs plugins all of whose hooks do the same deed."""

    def install(deed):
        module = unique("plugins")
        site.install("deeds", {f"{module}.py": SOURCE.format(deed=deed)}, POINTS.format(module=module))

    return install


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_finds_nothing_next_fails_as_any_other(hook, doing):
    doing("next(iter(()))")
    with pytest.raises(PluginError) as error:
        HOOKS[hook]()
    assert str(error.value) == f"{hook}: StopIteration"


def test_scores_that_find_nothing_next_fail_as_any_other():
    training = TrainingSettings(epochs=1, batch_size=16, learning_rate=0.05)
    with pytest.raises(PluginError, match="cannot choose a mask: StopIteration"):
        train_fleet([Member(1, 0.2, chooser=NoScores())], setup(MLP, training), some_data(6), CPU)


CHANGES = (
    "import os, random, torch; print('said'); os.chdir('/'); random.seed(7); torch.set_default_dtype(torch.float64)"
)


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if "no_data" not in hook])
def test_what_a_hook_prints_is_for_people_and_what_it_changes_is_put_back(hook, doing, capsys):
    doing(CHANGES)
    random.seed(1)
    before = os.getcwd(), random.getstate(), torch.get_num_threads()
    HOOKS[hook]()
    assert (os.getcwd(), random.getstate(), torch.get_num_threads()) == before
    printed = capsys.readouterr()
    assert (printed.out, set(printed.err.splitlines())) == ("", {"said"})


def test_what_a_model_draws_is_drawn_so_that_the_next_one_differs():
    torch.manual_seed(3)
    first, second = (build_model("mlp(widths=[4])", inputs=(8,), classes=3) for _ in range(2))
    torch.manual_seed(3)
    again, other = (next(build_model("mlp(widths=[4])", inputs=(8,), classes=3).parameters()) for _ in range(2))
    assert torch.equal(next(first.parameters()), again)
    assert torch.equal(next(second.parameters()), other)
    assert not torch.equal(again, other)


def test_a_hook_that_raises_what_ctrl_c_raises_fails_as_any_other(doing):
    doing("raise KeyboardInterrupt")
    with interruption.interruptible(), pytest.raises(PluginError, match=r"no_densities.*KeyboardInterrupt"):
        expand(load_experiment("smoke", baselines=["no_densities"]))


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_ctrl_c_while_a_hook_works_is_no_failure_of_its(doing):
    doing("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    with interruption.interruptible(), pytest.raises(interruption.Interrupted):
        expand(load_experiment("smoke", baselines=["no_densities"]))


def test_where_nobody_can_tell_who_raises_it_it_is_ctrl_c(doing):
    doing("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        expand(load_experiment("smoke", baselines=["no_densities"]))
