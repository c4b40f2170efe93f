"""Any setting of a model, a training and a topology that is a number, a text, or true or false can be an axis."""

import csv
import io
from pathlib import Path

import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.experiments.cells import Cell
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import cells, expand
from benchmark.report.tables import results_csv, results_rows, results_table
from benchmark.verdicts.study import load_study
from criteria import InputError

PERIODS = {
    "title": "periods",
    "data": "digits",
    "model": {"name": "mlp", "widths": [16]},
    "training": {"epochs": 2, "batch_size": 128, "learning_rate": 0.1},
    "axes": {
        "criteria": ["magnitude", "snip"],
        "growths": ["random"],
        "densities": [0.2],
        "seeds": [1, 2, 3],
        "settings": {"topology.update_period": [4, 8]},
    },
}


@pytest.fixture
def periods(tmp_path, monkeypatch):
    """A folder of its own to run in, with an experiment that varies the update period; its name."""
    monkeypatch.chdir(tmp_path)
    return written(PERIODS)


def written(content, name="periods.yaml"):
    Path(name).write_text(yaml.safe_dump(content))
    return name


def varying(content=PERIODS, **settings):
    axes = {**content["axes"], "settings": {key.replace("__", "."): value for key, value in settings.items()}}
    return {**content, "axes": axes}


def test_cells_say_which_value_they_have_and_baselines_have_none(periods):
    found = cells(load_experiment(periods))
    assert found == [
        Cell("static", None, 0.2),
        Cell("dense", None, 1.0),
        *(Cell(c, "random", 0.2, (("update_period", p),)) for c in ("magnitude", "snip") for p in (4, 8)),
    ]


def test_a_run_is_the_one_that_has_its_value_fixed(periods):
    fixed = [
        load_experiment(written({**varying(), "topology": {"update_period": period}}, f"fixed{period}.yaml"))
        for period in (4, 8)
    ]
    assert {run.id for run in expand(load_experiment(periods))} == {run.id for e in fixed for run in expand(e)}


def test_baselines_vary_with_what_concerns_them_and_no_run_is_there_twice(periods):
    content = varying(
        topology__update_period=[4, 8],
        topology__distribution=["erk", "uniform"],
        training__momentum=[0.5, 0.9],
        model__dropout=[0.1, 0.3],
    )
    runs = expand(load_experiment(written(content)))
    assert sum(run.cell.criterion == "static" for run in runs) == 2 * 2 * 2 * 3
    assert sum(run.cell.criterion == "snip" for run in runs) == 2 * 2 * 2 * 2 * 3
    assert len({run.id for run in runs}) == len(runs)
    assert len({run.trains_with for run in runs}) == 4  # fleets share training and model


def test_a_setting_inside_a_setting_can_vary(periods):
    content = {**varying(topology__prune_fraction__start=[0.5, 0.25]), "topology": {"update_period": 4}}
    runs = expand(load_experiment(written(content)))
    started = {run.cell.extra: run.setup.topology.prune_fraction.start for run in runs if run.cell.growth}
    assert started == {(("start", 0.5),): 0.5, (("start", 0.25),): 0.25}
    assert {run.setup.topology.prune_fraction.schedule for run in runs} == {"cosine"}


def test_what_is_true_or_false_can_vary_and_runs_are_those_that_have_it_fixed(periods):
    content = {**varying(training__nesterov=[True, False]), "topology": {"update_period": 4}}
    experiment = load_experiment(written(content))
    runs = expand(experiment)
    used = {run.cell.extra: run.setup.training.nesterov for run in runs}
    assert used == {(("nesterov", True),): True, (("nesterov", False),): False}
    assert {"magnitude · random · 0.2 · nesterov=True", "static · 0.2 · nesterov=False"} < {
        *map(str, cells(experiment))
    }
    fixed = set()
    for nesterov in (True, False):
        training = {**PERIODS["training"], "nesterov": nesterov}
        same = {**varying(), "topology": {"update_period": 4}, "training": training}
        fixed |= {run.id for run in expand(load_experiment(written(same, f"fixed{nesterov}.yaml")))}
    assert {run.id for run in runs} == fixed
    part = load_experiment("periods.yaml", ["training.nesterov=false"])
    assert part.axes.settings == {"training.nesterov": (False,)}


def test_a_setting_that_varies_is_given_other_values_like_any_setting(periods):
    for override, values in (("topology.update_period=8", (8,)), ("topology.update_period=[5, 6]", (5, 6))):
        experiment = load_experiment(periods, [override])
        assert experiment.axes.settings == {"topology.update_period": values}


def test_dropout_changes_the_model_of_its_own_runs_only(periods):
    runs = expand(load_experiment(written({**varying(), "topology": {"update_period": 4}, "baselines": ["dropout"]})))
    models = {run.cell.criterion: run.settings["model"] for run in runs}
    assert models == {
        "dropout": {"name": "mlp", "widths": [16], "dropout": 0.05},
        "magnitude": {"name": "mlp", "widths": [16]},
        "snip": {"name": "mlp", "widths": [16]},
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (varying(topology__update_perod=[4]), "did you mean 'update_period'?"),
        (
            varying(topology__update_period=[4, 0]),
            "update_period=0: topology.update_period: expected at least 1",
        ),
        (varying(topology__update_period=[4, 4]), "topology.update_period has a value twice"),
        (varying(topology__update_period=[]), "axes.settings.topology.update_period"),
        (varying(topology__update_period=4), "axes.settings.topology.update_period"),
        (varying(topology__update_period=[True, 4]), "topology.update_period: expected a whole number, found True"),
        (varying(training__nesterov=[1, 0]), "training.nesterov: expected true or false, found 1"),
        (varying(training__momentum=[True]), "training.momentum: expected a number, found True"),
        (varying(model__dropout=[True]), "parameter dropout takes a float, not True"),
        *(
            (
                varying(training__milestones=[each]),
                "axes.settings.training.milestones.0: expected a number, a text, or true or false (found ",
            )
            for each in ([0.5, 0.75], {"first": 0.5}, None, float("nan"), float("inf"))
        ),
        (varying(topology__update_period=[4], metric=["test_accuracy_last"]), "'metric' cannot vary"),
        (varying(training__momentum=[0.5], model__momentum=[0.5]), "two settings have the same last name"),
        (varying(topology__update_period=[4], model__name__first=[4]), "'name' has no keys of its own"),
        (
            varying(**{f"model__{name}": list(range(9)) for name in "abcd"}),
            "6561 combi",
        ),
        ({**PERIODS, "topology": {"update_period": 3}}, "topology.update_period has a value, and varies"),
        ({**PERIODS, "axes": {**PERIODS["axes"], "settings": 3}}, "axes.settings"),
        ({**PERIODS, "axes": 3}, "axes"),
        (
            {**varying(topology__scope=["global", "local"]), "topology": {"update_period": 4, "normalisation": {}}},
            "scope=local: topology: normalisation makes the scores of layers comparable",
        ),
    ],
)
def test_what_cannot_vary_is_one_line(periods, content, said):
    with pytest.raises(InputError) as error:
        load_experiment(written(content))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_tables_keep_values_apart_and_a_part_is_checked_alone(periods, capsys):
    assert main(["run", periods, "--no-contract"]) == 0
    experiment = load_experiment(periods)
    study = load_study(experiment, ResultsFolder(Path("results"), experiment.name))
    assert len(study.results) == 18
    headers, rows = results_rows(study)
    assert headers == ["criterion", "growth", "update_period", "density 0.2", "density 1"]
    assert [row[:3] for row in rows] == [
        ["static", "–", "–"],
        ["dense", "–", "–"],
        *([criterion, "random", period] for criterion in ("magnitude", "snip") for period in ("4", "8")),
    ]
    assert "missing" not in results_table(study)
    table = list(csv.DictReader(io.StringIO(results_csv(study))))
    assert {(line["criterion"], line["update_period"]) for line in table} == {tuple(row[:3:2]) for row in rows[2:]} | {
        ("static", ""),
        ("dense", ""),
    }
    assert main(["accept", periods]) == 0
    assert main(["check", periods, "--strict"]) == 0
    assert main(["check", periods, "--strict", "--set", "topology.update_period=8"]) == 0
    assert "update_period=4" not in capsys.readouterr().out.rpartition("periods:")[2]
