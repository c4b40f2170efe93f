"""Experiments that rebuild published tables train as the code behind these tables does."""

import torch

from benchmark.experiments.cost import total_steps
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.models import build_network
from benchmark.training.initial import initial_masks
from benchmark.training.layer_roles import rewired_layers
from benchmark.training.members import member_of
from criteria.rules import Rules


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
