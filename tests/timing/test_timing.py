"""The bench compares like with like and never fails for being slow."""

import json
import os

import pytest
import torch

from benchmark.commands.cli import main
from benchmark.data.dataset import Dataset, Split
from benchmark.experiments.experiment import load_experiment
from benchmark.timing import engines, kernels, startup, topology
from benchmark.timing.comparison import compare, side_by_side
from benchmark.timing.training import step_flops

CPU = torch.device("cpu")


def test_every_round_times_every_way_one_after_another():
    called = []
    ways = {name: lambda name=name: called.append(name) or float(len(called)) for name in "ABC"}
    assert side_by_side(ways, 2) == {"A": [1, 4], "B": [2, 5], "C": [3, 6]}
    assert called == list("ABCABC")


def test_a_ratio_is_the_median_of_the_ratios_within_rounds_so_a_slow_round_changes_nothing():
    steady = compare("x", "a", "b", {"a": [2.0, 2.0, 2.0], "b": [1.0, 1.0, 1.0]})
    slowed = compare("x", "a", "b", {"a": [2.0, 20.0, 2.0], "b": [1.0, 10.0, 1.0]})
    assert steady.ratio == slowed.ratio == slowed.lowest == slowed.highest == 2.0
    assert (slowed.seconds, slowed.rival_seconds) == (2.0, 1.0)


def images(*shape, examples):
    split = Split(torch.zeros(examples, *shape), torch.zeros(examples, dtype=torch.int64))
    return Dataset("zeros", split, split, split, classes=10)


def setup_of(experiment):
    return load_experiment(experiment).setups[0][1]


def test_the_arithmetic_of_a_step_is_that_of_its_products_without_the_gradient_of_the_inputs():
    fc1, fc2, fc3 = 784 * 300, 300 * 100, 100 * 10
    lenet300 = step_flops(setup_of("fmnist-lenet300"), images(1, 28, 28, examples=128))
    assert lenet300 == 2 * 128 * (2 * fc1 + 3 * fc2 + 3 * fc3)
    conv1, conv2 = 24 * 24 * 20 * 25, 8 * 8 * 50 * 20 * 25
    fc1, fc2 = 800 * 500, 500 * 10
    lenet5 = step_flops(setup_of("fmnist-cnn"), images(1, 28, 28, examples=128))
    assert lenet5 == 2 * 128 * (2 * conv1 + 3 * conv2 + 3 * fc1 + 3 * fc2)


def test_the_layers_that_are_updated_have_the_shapes_of_resnet50_and_a_fifth_of_its_weights():
    layers = topology.resnet50_layers(CPU)
    assert len(layers) == 54  # 53 convolutions and the classifier
    weights = 25_557_032 - 53_120 - 1_000  # without batch-norm and without the classifier's bias
    assert sum(layer.mask.numel() for layer in layers) == weights
    assert sum(int(layer.mask.sum()) for layer in layers) == round(0.2 * weights)
    assert all(bool((layer.weight[~layer.mask] == 0).all()) for layer in layers)


@pytest.mark.parametrize(("command", "spins"), [("bench everything", True), ("list engines", False)])
def test_threads_spin_for_a_moment_where_the_bench_has_the_machine_and_nowhere_else(command, spins, monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT")
    main(command.split())
    assert ("GOMP_SPINCOUNT" in os.environ) == spins


def test_missing_data_are_skipped_with_a_reason_and_the_rest_is_timed(monkeypatch, capsys):
    from benchmark.timing import training
    from criteria.errors import InputError

    plan = training.plan_fleets

    def without_fashion_mnist(runs, sizes):
        if runs[0].setup.data == "fashion_mnist":
            raise InputError("the data set fashion_mnist is not here")
        return plan(runs, sizes)

    monkeypatch.setattr(training, "plan_fleets", without_fashion_mnist)
    monkeypatch.setattr(training, "STEPS", {"smoke": 2, "fmnist-cnn": 2})
    monkeypatch.setattr(training, "ROUNDS", 1)
    monkeypatch.setattr("benchmark.timing.floor.SIZE", {"cpu": 64})
    assert main(["bench", "training", "--device", "cpu", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["skipped"] == [{"about": "fmnist-cnn", "reason": "the data set fashion_mnist is not here"}]
    assert [(each["what"], each["rival"].split()[0]) for each in found["comparisons"]] == [
        ("one by one", "fleet"),
        ("plain loop", "fleet"),
        (found["comparisons"][0]["rival"], "arithmetic"),
    ]
    assert all(each["about"] == "smoke" and each["seconds"] > 0 < each["ratio"] for each in found["comparisons"])
    assert found["environment"]["threads"] == torch.get_num_threads()


def test_the_table_shows_both_times_and_their_ratio(monkeypatch, capsys):
    monkeypatch.setattr(startup, "ROUNDS", 1)
    monkeypatch.setattr(startup, "COMMANDS", dict.fromkeys(startup.COMMANDS, ("-c", "pass")))
    assert main(["bench", "startup"]) == 0
    said = capsys.readouterr().out
    assert "dst-bench --help" in said
    assert " ms  python -c pass" in said


def test_an_unknown_part_is_one_line_that_names_the_known_ones(capsys):
    assert main(["bench", "everything"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "training" in error
    assert "startup" in error


@pytest.mark.long
def test_all_of_the_bench_runs(capsys):
    assert main(["bench", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {each["about"] for each in found["comparisons"]} >= {"smoke", "update of ResNet-50", "contract", "startup"}


def test_the_arithmetic_of_active_weights_is_that_of_the_dense_step_at_density_1():
    setup, data = setup_of("fmnist-lenet300"), images(1, 28, 28, examples=128)
    assert engines.active_flops(setup, data, 1.0) == step_flops(setup, data)
    assert engines.active_flops(setup, data, 0.05) < 0.1 * step_flops(setup, data)


@pytest.mark.parametrize(("name", "more"), [("fmnist-lenet300", 0.0), ("fmnist-cnn", 0.6 * 132 / 800)])
def test_steps_that_are_gone_through_once_more_count_as_often_as_a_training_has_them(monkeypatch, name, more):
    setup, data = setup_of(name), images(1, 28, 28, examples=128)
    monkeypatch.setattr(engines, "stretches", lambda *asked: lambda: 1.6)
    timed = engines.Timed(name, "fashion_mnist", (0.05,), steps=10)
    assert engines.share_of_updates(setup, timed, data, 0.05, lambda: 1.0) == pytest.approx(more)


def test_the_table_of_engines_says_how_many_operations_on_active_weights_each_does_a_second(monkeypatch, capsys):
    monkeypatch.setattr(engines, "TIMED", (engines.Timed("smoke", "digits", (0.2,), steps=2, members=1),))
    assert main(["bench", "engines", "--device", "cpu"]) == 0
    dense, sparse = (line for line in capsys.readouterr().out.splitlines() if line.startswith("smoke"))
    assert dense.count(" GFLOP/s") == sparse.count(" GFLOP/s") == 2


@pytest.mark.long
def test_engines_are_timed_beside_each_other():
    timed = engines.Timed("fmnist-lenet300", "fashion_mnist", (0.05,), steps=2, members=2)
    beside, floor = engines.compared(timed, None, rounds=1)
    assert (beside.what, beside.rival, floor.rival) == ("dense", "sparse", "arithmetic floor")
    assert beside.ratio > 0


def small(experiment, timed):
    return engines.on_noise(setup_of(experiment), timed, None)


def parts_of(timed):
    """What is said of each part of a step beside the step, and beside the floor, by its name."""
    found = list(kernels.compared(timed, 0.2, None, rounds=1))
    return ({each.what: each for each in found if each.rival == rival} for rival in ("step", "arithmetic floor"))


def test_the_parts_of_a_step_are_all_of_it_and_each_product_has_a_rate():
    timed = engines.Timed("smoke", "digits", (0.2,), steps=3, members=2)
    shares, floors = parts_of(timed)
    assert sum(each.seconds for each in shares.values()) == pytest.approx(shares["loss"].rival_seconds)
    assert sum(each.ratio for each in shares.values()) == pytest.approx(1)
    assert floors.keys() == {name for name in shares if ", " in name}
    assert sum(each.flops for each in floors.values()) == engines.active_flops(*small("smoke", timed), 0.2)


@pytest.mark.long
def test_pooling_is_a_part_of_a_step_and_so_are_updates_where_rounds_have_none():
    shares, floors = parts_of(engines.Timed("fmnist-cnn", "fashion_mnist", (0.2,), steps=2, members=1))
    assert {"pooling", "updates", "conv2, gradient of inputs"} <= shares.keys()
    assert "conv1, gradient of inputs" not in floors


def test_kernels_are_timed_in_one_thread_and_those_that_were_there_come_back(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(kernels, "compared", lambda *_asked: iter([torch.get_num_threads()]))
    assert set(kernels.comparisons(CPU, None)) == {1}
    assert torch.get_num_threads() == threads


def test_kernels_of_the_sparse_engine_are_not_timed_on_a_gpu():
    (skipped,) = kernels.comparisons(torch.device("cuda"), None)
    assert skipped.about == "kernels"
