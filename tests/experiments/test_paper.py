"""The experiments are those of the paper: how many runs each has, and its settings (paper, released code)."""

import pytest

from benchmark.experiments.experiment import experiment_files, load_experiment
from benchmark.experiments.runs import expand
from criteria.schedule import PruneFraction

FIVE = {"set", "magnitude", "mest", "snip", "reciprocal_sensitivity"}
DENSITIES = (0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
PANELS = {
    # data, model, epochs, learning rate, weight decay, update period
    "higgs-mlp": ("higgs", {"name": "mlp", "widths": [256, 256]}, 100, 0.01, 5e-4, 800),
    "fmnist-cnn": ("fashion_mnist", {"name": "lenet5"}, 100, 0.01, 5e-4, 800),
    "cifar10-mlp": ("cifar10", {"name": "mlp", "widths": [1024, 512]}, 100, 0.01, 5e-4, 800),
    "cifar10-cnn": ("cifar10", {"name": "small_cnn"}, 100, 0.01, 5e-4, 800),
    "cifar10-resnet56": ("cifar10", {"name": "resnet56"}, 200, 0.1, 1e-4, 800),
    "cifar100-vgg16": ("cifar100", {"name": "vgg16"}, 200, 0.01, 1e-4, 800),
    "cifar100-resnet56": ("cifar100", {"name": "resnet56"}, 200, 0.1, 1e-4, 800),
    "tinyimagenet-efficientnet": ("tinyimagenet", {"name": "efficientnet_b0"}, 100, 0.01, 1e-3, 100),
}
PERIODS = (25, 50, 100, 200, 400, 800, 1600, 3200, 6400)


def setup_of(experiment):
    """The setup of an experiment in which no setting varies."""
    ((_, setup),) = experiment.setups
    return setup


def dst_runs(experiment):
    return [run for run in expand(experiment) if run.cell.growth is not None]


def baselines(experiment):
    """Number of runs of each baseline."""
    specs = [run.cell.criterion for run in expand(experiment) if run.cell.growth is None]
    return {spec: specs.count(spec) for spec in specs}


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_of_figure_1_has_550_runs_beside_static_and_dense_ones(name):
    experiment = load_experiment(name)
    assert len(dst_runs(experiment)) == 550
    assert baselines(experiment) == {"static": 55, "dense": 5}
    assert {*map(str, experiment.axes.criteria)} == FIVE
    assert experiment.axes.densities == DENSITIES
    assert experiment.figure == "Figures 1 and 10"


@pytest.mark.parametrize(("name", "settings"), PANELS.items(), ids=PANELS)
def test_a_panel_of_figure_1_trains_as_the_paper_does(name, settings):
    experiment = load_experiment(name)
    setup = setup_of(experiment)
    training, topology = setup.training, setup.topology
    used = (training.epochs, training.learning_rate, training.weight_decay, topology.update_period)
    assert (setup.data, setup.model, *used) == settings
    assert training.batch_size == 128
    assert training.momentum == 0.9
    assert training.nesterov == (name != "tinyimagenet-efficientnet")
    assert training.milestones == (0.5, 0.75)
    assert topology.prune_fraction == PruneFraction("cosine", 0.5, 0.005)
    assert (topology.distribution, topology.scope, topology.resurrection) == ("erk", "local", "forbid")


@pytest.mark.parametrize(
    ("name", "panel", "periods"),
    [
        ("cifar10-mlp-period", "cifar10-mlp", PERIODS),
        ("cifar10-cnn-period", "cifar10-cnn", (25, 50, 100, 150, *PERIODS[3:])),
        ("cifar10-resnet56-period", "cifar10-resnet56", (*PERIODS, 12800)),
    ],
)
def test_figure_4_varies_the_update_period_of_a_panel_of_figure_1(name, panel, periods):
    experiment, same = load_experiment(name), load_experiment(panel)
    assert (experiment.model, experiment.training) == (same.model, same.training)
    assert experiment.axes.settings == {"topology.update_period": periods}
    assert len(dst_runs(experiment)) == len(periods) * 5 * 2 * 2 * 5
    assert baselines(experiment) == {"static": 10, "dense": 5}
    shared = {run.id for run in expand(experiment)} & {run.id for run in expand(same)}
    assert len(shared) == 5 * 2 * 2 * 5 + 10 + 5  # period 800 and the baselines


def test_figure_2_trains_resnet50_without_nesterov():
    experiment = load_experiment("imagenet-resnet50")
    training, topology = setup_of(experiment).training, setup_of(experiment).topology
    assert {*map(str, experiment.axes.criteria)} == FIVE | {"random"}
    assert (training.epochs, training.batch_size, training.learning_rate) == (90, 8 * 32, 0.1)
    assert (training.momentum, training.nesterov, training.weight_decay) == (0.9, False, 1e-4)
    assert (training.warmup_epochs, training.milestones, training.label_smoothing) == (5, (30, 60, 80), 0.1)
    assert (experiment.axes.densities, topology.update_period) == ((0.2,), 800)
    assert len(dst_runs(experiment)) == 6 * 5


@pytest.mark.parametrize(
    ("name", "panel"),
    [
        ("jaccard-training-mlp", "cifar10-mlp"),
        ("jaccard-training-cnn", "cifar10-cnn"),
        ("jaccard-training-resnet56", "cifar10-resnet56"),
    ],
)
def test_figure_6b_trains_a_network_of_each_criterion_that_it_compares(name, panel):
    experiment, same = load_experiment(name), load_experiment(panel)
    assert (experiment.model, experiment.training) == (same.model, same.training)
    jaccard = experiment.measure.jaccard
    assert {*map(str, experiment.axes.criteria)} == {*map(str, jaccard.criteria)} == FIVE | {"random"}
    assert jaccard.every == 3200
    assert {(run.cell.growth, run.cell.density) for run in expand(experiment)} == {("gradient", 0.2)}
    assert len(expand(experiment)) == 6 * 5


def test_figure_5_prunes_a_dense_perceptron_beside_dropout():
    experiment = load_experiment("cifar10-mlp-dense")
    assert {run.cell.density for run in expand(experiment)} == {1.0}
    assert len(dst_runs(experiment)) == 25
    assert baselines(experiment) == {"dense": 5, "dropout": 5}
    assert {run.settings["model"].get("dropout") for run in expand(experiment)} == {None, 0.05}
    assert (setup_of(experiment).topology.resurrection, setup_of(experiment).topology.update_period) == ("restart", 100)


def test_figure_7_varies_lambda_from_a_thousandth_to_a_thousand():
    experiment = load_experiment("cifar10-mlp-lambda")
    lambdas = [dict(run.rule.criterion.parameters).get("lambda_", 1.0) for run in dst_runs(experiment)]
    assert {value: lambdas.count(value) for value in lambdas} == {10.0**power: 55 for power in range(-3, 4)}


def test_figure_8_has_sensitivity_at_every_density():
    runs = [run for run in expand(load_experiment("cifar10-mlp-sensitivity")) if run.cell.criterion == "sensitivity"]
    assert {run.cell.density for run in runs} == set(DENSITIES)
    assert len(runs) == 55
    assert {run.settings["topology"]["update_period"] for run in runs} == {100}


def test_figure_11_has_large_batches_and_three_seeds():
    experiment = load_experiment("fmnist-cnn-large-batch")
    assert (setup_of(experiment).training.batch_size, setup_of(experiment).topology.update_period) == (1024, 100)
    assert len(dst_runs(experiment)) == 330
    assert baselines(experiment) == {"static": 33, "dense": 3}


@pytest.mark.parametrize(
    ("name", "densities", "distribution"),
    [("cifar10-mlp-global", (0.1, 0.15, 0.2), "uniform"), ("cifar10-resnet56-global", (0.05, 0.1, 0.15), "erk")],
)
def test_figure_13_compares_layer_by_layer_with_all_layers_together(name, densities, distribution):
    experiment = load_experiment(name)
    assert experiment.axes.densities == densities
    assert {*map(str, experiment.axes.criteria)} == FIVE - {"set"}
    topologies = [setup.topology for _, setup in experiment.setups]
    assert {(each.distribution, each.update_period) for each in topologies} == {(distribution, 100)}
    scopes = [dict(run.cell.extra)["scope"] for run in dst_runs(experiment)]
    assert {scope: scopes.count(scope) for scope in scopes} == {"local": 60, "global_prune": 60, "global": 60}
    assert baselines(experiment) == {"static": 15, "dense": 5}


@pytest.mark.parametrize("name", experiment_files())
def test_no_experiment_has_a_run_twice(name):
    runs = expand(load_experiment(name))
    assert len({run.id for run in runs}) == len(runs)
