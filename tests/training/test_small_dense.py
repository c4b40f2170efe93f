"""The baseline small_dense: a narrower dense network with as many weights as the sparse ones of its cell."""

import json

import pytest
import torch

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.models import build_network, sparse_layer_names
from benchmark.models.widths import SCALABLE, TOLERANCE, narrowed
from benchmark.training.engines import SPARSE
from benchmark.training.engines.choosing import fastest_engine
from benchmark.training.fleet_training import train_fleet
from benchmark.training.members import member_of
from criteria import InputError
from tests.training.small_fleets import CPU, some_data

LOOKS = {"mlp": ((64,), 10), "lenet300": ((1, 28, 28), 10), "lenet5": ((1, 28, 28), 10)}
ONES = ["training.epochs=1", "training.batch_size=20"]


def settings_of(name):
    return {"name": name, "widths": [256, 128]} if name == "mlp" else {"name": name}


def weights_of(model, look):
    with torch.device("meta"):
        network = build_network(model, *look)
    return sum(network.get_parameter(name).numel() for name in sparse_layer_names(network))


def run_of(baseline, *settings, **axes):
    axes = {"criteria": [], "densities": [0.05], "seeds": [1]} | axes
    return expand(load_experiment("smoke", [*ONES, *settings], axes, [baseline]))


@pytest.mark.parametrize("name", SCALABLE)
@pytest.mark.parametrize("density", [0.02, 0.05, 0.2, 1.0])
def test_the_narrower_network_has_as_many_weights_as_the_sparse_one(name, density):
    look, model = LOOKS.get(name, ((3, 32, 32), 10)), settings_of(name)
    narrow = narrowed(model, density, *look)
    wanted = density * weights_of(model, look)
    assert weights_of(narrow, look) == pytest.approx(wanted, rel=TOLERANCE)
    if density == 1:
        assert weights_of(narrow, look) == weights_of(model, look)


def test_every_density_has_a_network_of_its_own_that_is_dense_and_keeps_its_cell():
    sizes = []
    for run in run_of("small_dense", densities=[0.05, 0.2]):
        assert run.cell.criterion == "small_dense"
        assert member_of(run).density == 1
        sizes.append(weights_of(run.setup.model, ((64,), 10)) / 50432)
        assert run.settings["in_place_of"] == {"name": "mlp", "widths": [256, 128]}
    assert sizes == pytest.approx([0.05, 0.2], rel=TOLERANCE)


def test_its_flops_are_a_share_of_those_of_the_networks_that_it_stands_for():
    (small,), (dense,) = run_of("small_dense"), run_of("dense")
    data = some_data(64, examples=60)
    (of_small,), (of_dense,) = (train_fleet([member_of(run)], run.setup, data, CPU) for run in (small, dense))
    assert set(of_small.density.values()) == {1.0}
    one, other = of_small.measured.flops, of_dense.measured.flops
    assert (one.inference_dense, one.training_dense) == (other.inference_dense, other.training_dense)
    assert one.inference == 2 * sum(of_small.measured.weights.values())
    assert one.inference / one.inference_dense == pytest.approx(0.05, rel=TOLERANCE)
    assert one.training / one.training_dense == pytest.approx(0.05, rel=TOLERANCE)


def test_the_dense_engine_trains_it():
    (run,) = run_of("small_dense", "model.widths=[2048, 2048]")
    assert "which is dense" in SPARSE.refuses(run.setup, run.rule, CPU)
    assert fastest_engine(run.setup, run.rule, run.cell.density, CPU) == "dense"


def test_networks_that_stand_for_different_ones_do_not_train_together():
    (one,) = run_of("small_dense")
    other = one.setup.model_copy(update={"in_place_of": {"name": "mlp", "widths": [9, 9]}})
    assert json.loads(one.trains_with) != json.loads(type(one)(other, one.rule, one.cell, one.seed).trains_with)


@pytest.mark.parametrize(
    ("settings", "densities", "said"),
    [
        (["data=cifar10", "model={name: resnet56}"], [0.05], "no widths that could be scaled"),
        (["model.widths=[]"], [0.05], "no widths that could be scaled"),
        (["topology.exclude=[last]"], [0.05], "leave topology.exclude or the baseline out"),
        ([], [0.0005], "within 2%"),
    ],
)
def test_what_cannot_be_narrowed_is_refused_in_one_line(settings, densities, said):
    with pytest.raises(InputError, match=said) as caught:
        run_of("small_dense", *settings, densities=densities)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("widths", ["[3]", "[3, 0]"])
def test_a_model_says_how_many_widths_it_takes(widths):
    with pytest.raises(InputError, match="takes 2 widths"):
        build_network({"name": "lenet300", "widths": json.loads(widths)}, (1, 28, 28), 10)
