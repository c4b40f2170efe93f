"""Experiments that rebuild published tables train as the code behind these tables does."""

import hashlib
import re
from pathlib import Path

import pytest
import torch
import yaml

from benchmark.data import cifar10, load_dataset
from benchmark.experiments.cost import flops_per_example, total_steps
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import cells, expand
from benchmark.models import build_network
from benchmark.training.fleet_training import FleetTraining
from benchmark.training.initial import initial_masks
from benchmark.training.layer_roles import rewired_layers
from benchmark.training.members import member_of
from benchmark.verdicts.expected import read_expected
from criteria.errors import InputError
from criteria.rules import Rules
from tests.small_data import cifar_archive

CPU = torch.device("cpu")
RELEASED = Path(__file__).parents[2] / "expected_results"


def setup_of(name):
    ((_, setup),) = load_experiment(name).setups
    return setup


def test_the_tutorial_trains_400_epochs_of_125_steps_and_rewires_after_each_but_the_last():
    setup = setup_of("set-tutorial-fmnist")
    training, topology = setup.training, setup.topology
    assert total_steps(setup) == 400 * topology.update_period == 50_000
    assert 399 * 125 <= topology.update_until * 50_000 < 50_000
    assert (training.learning_rate, training.momentum, training.nesterov, training.milestones) == (0.05, 0.9, False, ())
    assert (training.weight_decay, training.weight_decay_on, training.batch_size) == (2e-4, "weights", 40)
    assert {topology.prune_fraction.at(step, 50_000) for step in (125, 25_000, 49_875)} == {0.3}
    assert topology.rules == Rules(resurrection="restart", grown_momentum="reset", grown_value="uniform")
    assert load_experiment("set-tutorial-fmnist").metric == "test_accuracy_last"


def test_the_tutorials_layers_have_13_weights_for_each_unit_and_the_last_one_is_dense_and_rests():
    runs = expand(load_experiment("set-tutorial-fmnist"))
    assert {(run.cell.criterion, run.cell.growth) for run in runs} == {
        ("set_each_sign", "random"),
        ("static", None),
        ("dense", None),
    }
    network = build_network(setup_of("set-tutorial-fmnist").model, (1, 28, 28), 10)
    sparse = next(run for run in runs if run.cell.growth is not None)
    masks = initial_masks([member_of(sparse)], network)
    assert [int(mask.sum()) for mask in masks.values()] == [13 * 1784, 13 * 2000, 13 * 2000, 10_000]
    assert rewired_layers(list(masks), member_of(sparse)) == ["fc1.weight", "fc2.weight", "fc3.weight"]


def test_the_tutorials_network_starts_he_uniform_and_drops_hidden_units_only():
    network = build_network(setup_of("set-tutorial-fmnist").model, (1, 28, 28), 10)
    for name, weight in network.named_parameters():
        if weight.ndim == 1:
            assert not weight.any()
            continue
        bound = (6 / weight.shape[1]) ** 0.5
        assert weight.abs().max() <= bound
        torch.testing.assert_close(weight.std(), torch.tensor(bound / 3**0.5), rtol=0.05, atol=0), name
    kinds = [type(module).__name__ for module in network]
    assert kinds == ["Flatten", *["Linear", "ReLU", "Dropout"] * 3, "Linear"]
    assert {module.p for module in network if type(module).__name__ == "Dropout"} == {0.2}


WRN = "cifar10-wrn22-2"


def test_the_wide_network_trains_as_the_reproducibility_report_does():
    setups = [setup for _, setup in load_experiment(WRN).setups]
    training = setups[0].training
    assert (training.epochs, training.batch_size, training.learning_rate, training.weight_decay) == (
        250,
        128,
        0.1,
        5e-4,
    )
    assert (training.nesterov, training.milestone_factor) == (True, 0.2)
    per_epoch = total_steps(setups[0]) // 250
    for milestone, steps in zip(training.milestones, (30_000, 60_000), strict=True):
        assert 0 <= steps - milestone * per_epoch < per_epoch
    for setup in setups:
        topology = setup.topology
        assert topology.update_until * total_steps(setup) == pytest.approx(65_918, abs=100)
        assert topology.prune_fraction.at(0, 65_918) == 0.3
        assert (topology.resurrection, topology.grown_momentum) == ("allow", "reset")
    assert {str(setup.topology.density_schedule) for setup in setups} == {"constant", "gmp"}


def test_the_wide_network_has_the_flops_that_its_layers_say():
    """Products of an image: the first convolution, three groups that cost the same, and the last layer."""
    groups = (51_200 * 32**2, 204_800 * 16**2, 819_200 * 8**2)
    assert flops_per_example(load_experiment(WRN).setups[0][1]) == 3 * 2 * (432 * 32**2 + sum(groups) + 1_280)


def test_what_has_no_sense_is_left_out_of_the_grid_and_every_published_cell_is_in_it():
    experiment = load_experiment(WRN)
    grid = cells(experiment)
    assert len(grid) == 4 * (2 + 2 * 2 + 2) + 1  # static, SET and RigL with both distributions; two prunings; dense
    published = {stored.cell for stored in read_expected(RELEASED / f"{WRN}.yaml").cells}
    assert published <= set(grid)
    with pytest.raises(InputError, match="axis in leave_out"):
        load_experiment("smoke", axes={"leave_out": [{"criteria": "set"}]})
    for point, said in (({"criterion": "sett"}, "did you mean"), ({"density": "x"}, "no number"), ({}, "whole grid")):
        with pytest.raises(InputError, match=said):
            load_experiment("smoke", axes={"leave_out": [point]})
    nothing = [{"density": density} for density in (*load_experiment("smoke").axes.densities, 1)]
    without = load_experiment("smoke", axes={"leave_out": nothing})
    with pytest.raises(InputError, match="all of the grid"):
        expand(without)
    fewer = load_experiment(
        "smoke", axes={"leave_out": [{"criterion": "set", "density": 0.05}, {"criterion": "dense"}]}
    )
    assert len(cells(fewer)) == len(cells(load_experiment("smoke"))) - 2 - 1


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({"density": 0.7}, "no point of the grid has density 0.7; there are: 0.02, 0.05, 0.2, 1.0"),
        ({"density": True}, "no point of the grid has density True"),
        ({"criterion": "grad_step"}, "no point of the grid has criterion grad_step; there are: magnitude, set, mest"),
        (
            {"criterion": "set", "growth": "momentum"},
            "no point of the grid has growth momentum; there are: random, gradient",
        ),
        ({"criterion": "dropout"}, "no point of the grid has criterion dropout"),
    ],
)
def test_a_value_to_leave_out_that_is_on_no_axis_is_refused(point, said):
    with pytest.raises(InputError) as raised:
        load_experiment("smoke", axes={"leave_out": [point]})
    assert f"smoke.yaml: axes.leave_out: {said}" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_setting_to_leave_out_that_is_on_no_axis_is_refused(tmp_path):
    for point, said in (
        ("{topology.ablation: 0.4}", "no point of the grid has topology.ablation 0.4; there are: 0, 0.3"),
        ("{topology.ablation: false}", "no point of the grid has topology.ablation False"),
    ):
        with pytest.raises(InputError, match=re.escape(said)):
            load_experiment(with_fan_in(tmp_path, "{topology.fan_in: free, topology.ablation: 0.3}", point))


def test_the_value_of_a_baseline_can_be_left_out():
    for point in ({"criterion": "static"}, {"density": 1}):  # 1 is the density of the dense baseline alone
        fewer = load_experiment("smoke", axes={"leave_out": [point]})
        assert len(cells(fewer)) < len(cells(load_experiment("smoke")))


def test_a_part_of_an_experiment_need_not_have_what_the_whole_leaves_out(tmp_path):
    """Its file leaves out ``dense`` with uniform densities, and gradient growth and uniform densities with gmp."""
    part = load_experiment(WRN, ["topology.distribution=erk"], {"growths": ["random"]}, ["static"])
    assert {cell.criterion for cell in cells(part)} == {"static", "magnitude"}
    name = with_fan_in(tmp_path, "{topology.fan_in: free, topology.ablation: 0.3}")
    whole = yaml.safe_load(Path(name).read_text())
    Path(name).write_text(yaml.safe_dump({**whole, "training": {"epochs": 1}}))  # no experiment without more
    more = ["training.batch_size=64", "training.learning_rate=0.1", "topology.ablation=0", "topology.fan_in=free"]
    assert len(cells(load_experiment(name, more))) == 3


def with_fan_in(folder: Path, *leave_out: str) -> str:
    """The file of an experiment in which fan-in and ablation vary."""
    path = folder / "own.yaml"
    axes = {
        "criteria": ["magnitude"],
        "growths": ["gradient"],
        "densities": [0.2],
        "seeds": [1],
        "settings": {"topology.fan_in": ["free", "constant"], "topology.ablation": [0, 0.3]},
        "leave_out": [yaml.safe_load(each) for each in leave_out],
    }
    training = {"epochs": 1, "batch_size": 64, "learning_rate": 0.1}
    content = {"title": "own", "data": "digits", "model": {"name": "lenet300"}, "training": training, "axes": axes}
    content["topology"] = {"update_period": 10}
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_a_combination_of_settings_that_is_left_out_need_not_make_sense(tmp_path):
    with pytest.raises(InputError, match="set fan_in: constant"):
        load_experiment(with_fan_in(tmp_path))
    experiment = load_experiment(with_fan_in(tmp_path, "{topology.fan_in: free, topology.ablation: 0.3}"))
    found = [(setup.topology.fan_in, setup.topology.ablation) for _, setup in experiment.setups]
    assert found == [("free", 0), ("constant", 0), ("constant", 0.3)]
    with pytest.raises(InputError, match="every combination"):
        load_experiment(with_fan_in(tmp_path, "{topology.fan_in: free}", "{topology.fan_in: constant}"))


def test_every_kind_of_run_of_the_wide_network_trains_on_files_of_the_format_of_cifar10(tmp_path, monkeypatch):
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    pixels, labels = torch.arange(4 * 3072).view(4, 3, 32, 32).remainder(256).to(torch.uint8), torch.arange(4)
    content = cifar_archive({f"cifar-10-batches-bin/{name}.bin": (b"", pixels, labels) for name in names})
    monkeypatch.setattr(cifar10, "TRAIN_EXAMPLES", 18)
    monkeypatch.setattr(cifar10, "MD5", hashlib.md5(content, usedforsecurity=False).hexdigest())
    (tmp_path / cifar10.URL.rpartition("/")[2]).write_bytes(content)
    shorter = ["training.epochs=1", "training.batch_size=6", "topology.update_period=1", "model.depth=10"]
    runs = [run for run in expand(load_experiment(WRN, shorter)) if run.seed == 1 and run.cell.density in (0.2, 1.0)]
    training = FleetTraining([member_of(run) for run in runs], runs[0].setup, load_dataset("cifar10", tmp_path), CPU)
    before = [training.engine.masks(index) for index in range(len(runs))]
    assert list(training.steps()) == [1, 2, 3]
    for index, run in enumerate(runs):
        masks = training.engine.masks(index)
        moved = any(not torch.equal(masks[name], before[index][name]) for name in masks)
        assert moved == (run.cell.growth is not None), run.cell
        active = sum(int(mask.sum()) for mask in masks.values()) / sum(mask.numel() for mask in masks.values())
        assert active == pytest.approx(run.cell.density, abs=0.02) or "gmp" in str(run.cell)
    assert not any(outcome.diverged for outcome in training.finish())
