"""The synthetic dry run: a few steps of everything that an experiment trains, and nothing left behind."""

from pathlib import Path

import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.experiments.cost import flops_per_example, training_flops
from benchmark.experiments.experiment import experiment_files, load_experiment
from benchmark.experiments.runs import expand
from benchmark.training import updates

TWO_PANELS = {
    "title": "two panels in one",
    "data": "fashion_mnist",
    "model": {"name": "mlp", "widths": [8]},
    "training": {"epochs": 100, "batch_size": 128, "learning_rate": 0.1},
    "axes": {
        "criteria": ["magnitude", "snip"],
        "growths": ["random", "gradient"],
        "densities": [0.1, 0.2, 1.0],
        "seeds": [1, 2, 3],
        "settings": {
            "topology.update_period": [100, 200],
            "topology.scope": ["local", "global"],
            "training.momentum": [0.5, 0.9],
        },
    },
    "baselines": ["static", "dense", "dropout"],
}


@pytest.fixture
def two_panels(tmp_path, monkeypatch):
    """A folder of its own to run in, with an experiment."""
    monkeypatch.chdir(tmp_path)
    Path("two.yaml").write_text(yaml.safe_dump(TWO_PANELS))
    return "two.yaml"


def test_what_differs_in_more_than_density_seed_and_period_is_trained_with_an_update_and_leaves_nothing(
    two_panels, monkeypatch, capsys
):
    updated = []
    update = updates.update

    def counting(engine, member, step, total_steps):
        updated.append((engine.members[member].recipe.topology.scope, step))
        return update(engine, member, step, total_steps)

    monkeypatch.setattr(updates, "update", counting)
    assert main(["run", two_panels, "--dry-run", "--synthetic"]) == 0
    assert "22 configurations trained for 4 steps" in capsys.readouterr().out  # 2 × (2 × 2 × 2 and 3 baselines)
    assert sorted(updated) == sorted([(scope, step) for scope in ("global", "local") for step in (2, 4)] * 8)
    assert [path.name for path in Path().iterdir()] == [two_panels]


def test_the_update_comes_also_where_a_topology_rests_early(two_panels, monkeypatch):
    steps = []
    update = updates.update

    def noting(engine, member, step, total_steps):
        steps.append(step)
        return update(engine, member, step, total_steps)

    monkeypatch.setattr(updates, "update", noting)
    options = ["--set", "topology.update_until=0.1", "--criteria", "snip", "--growth", "random"]
    assert main(["run", two_panels, "--dry-run", "--synthetic", *options]) == 0
    assert set(steps) == {2, 4}


def test_a_part_is_rehearsed_alone(two_panels, capsys):
    assert main(["run", two_panels, "--dry-run", "--synthetic", "--criteria", "snip,static", "--growth", "random"]) == 0
    assert "6 configurations" in capsys.readouterr().out


def test_batches_are_cut_where_they_would_take_long_and_that_is_said(two_panels, capsys, monkeypatch):
    monkeypatch.setattr("benchmark.running.rehearsal.AFFORDABLE", 22 * 4 * 5 * 3 * 2 * (784 * 8 + 8 * 10))
    assert main(["run", two_panels, "--dry-run", "--synthetic"]) == 0
    assert "batch size 5, not 128" in capsys.readouterr().out


def test_synthetic_data_are_for_dry_runs(two_panels, capsys):
    assert main(["run", two_panels, "--synthetic"]) == 2
    error = capsys.readouterr().err
    assert "--synthetic" in error
    assert "--dry-run" in error
    assert error.count("\n") == 1


def test_the_cost_of_an_experiment_is_that_of_its_products(two_panels):
    experiment = load_experiment(two_panels)
    products = 784 * 8 + 8 * 10
    for _, setup in experiment.setups:
        assert flops_per_example(setup) == 3 * 2 * products
    runs = 3 * 2 * (2 * 2 * 3 * 2 * 2 + 3 + 1 + 1)
    assert training_flops(expand(experiment)) == runs * 100 * 54_000 * 3 * 2 * products


LARGE = ("resnet50", "resnet56", "efficientnet_b0", "vgg16", "wide_resnet")
"""Networks of which a few steps take seconds."""


def one_of_each_kind():
    """The first experiment of each data set and network, with and without a comparison of criteria."""
    found = {}
    for name in experiment_files():
        experiment = load_experiment(name)
        kind = experiment.data, str(experiment.model), experiment.measure.jaccard is None
        found.setdefault(kind, name)
    return list(found.values())


@pytest.mark.parametrize("name", one_of_each_kind())
def test_an_experiment_of_each_kind_trains_from_its_plan_to_its_results(name, capsys):
    """With its first criterion and growth; what others do in an experiment's settings is tried on smaller networks."""
    experiment = load_experiment(name)
    static = [] if experiment.model["name"] in LARGE else ["static"]
    criteria = ",".join([*static, str(experiment.axes.criteria[0])])
    some = ["--criteria", criteria, "--growth", str(experiment.axes.growths[0])]
    assert main(["run", name, "--dry-run", "--synthetic", *some]) == 0
    assert "evaluated, stored and read back; 0 diverged" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.parametrize("name", experiment_files())
def test_all_of_an_experiment_trains_too(name, capsys):
    assert main(["run", name, "--dry-run", "--synthetic"]) == 0
    assert "evaluated, stored and read back; 0 diverged" in capsys.readouterr().out
