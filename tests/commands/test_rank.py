"""``dst-bench rank``: the standing on the command line."""

import json

import pytest

from benchmark.commands.cli import main
from benchmark.experiments.archive import read_archive
from benchmark.experiments.experiment import experiment_files, load_experiment
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import expand
from benchmark.verdicts.expected import stored_archive
from benchmark.verdicts.standing import COLLAPSES


def rank(*arguments, results):
    return main(["rank", *arguments, "--results", str(results)])


def test_without_results_the_expected_values_have_a_standing(tmp_path, capsys):
    assert rank("smoke", results=tmp_path) == 0
    text = capsys.readouterr().out
    assert text.startswith("smoke (expected values)")
    assert "Over all densities with random growth (10 seeds)" in text
    assert "difference to magnitude in points" in " ".join(text.split())


@pytest.mark.parametrize("asked", [["rank"], ["rank", "--leaderboard", "board.md"], ["reproduce"]])
def test_two_experiments_of_one_name_are_not_taken_for_one(tmp_path, capsys, monkeypatch, asked):
    monkeypatch.chdir(tmp_path)
    written = experiment_files()["smoke"].read_text()
    (tmp_path / "smoke.yaml").write_text(written.replace("learning_rate: ", "learning_rate: 1"))
    assert main([*asked, "smoke", "smoke.yaml", "--results", str(tmp_path / "results")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "smoke.yaml: another experiment that is asked for has the name smoke too" in line
    assert [path.name for path in tmp_path.iterdir()] == ["smoke.yaml"]


def test_a_result_of_ones_own_takes_no_stored_seed_away(tmp_path, capsys):
    run = next(run for run in expand(load_experiment("smoke")) if run.cell.criterion == "magnitude")
    archive = read_archive(stored_archive("smoke", None))
    ResultsFolder(tmp_path, "smoke").store(
        archive.read(run).model_copy(update={"id": run.id, "settings": run.settings})
    )
    assert rank("smoke", "--density", str(run.cell.density), "--growth", run.cell.growth, results=tmp_path) == 0
    text = capsys.readouterr().out
    assert "(10 seeds)" in text
    assert "not used" not in text
    assert "expected values of" in text.partition("\n")[0]


def test_a_criterion_that_was_trained_without_the_contract_is_marked(tmp_path, capsys):
    run = next(run for run in expand(load_experiment("smoke")) if run.cell.criterion == "snip")
    result = read_archive(stored_archive("smoke", None)).read(run)
    changes = {"id": run.id, "settings": run.settings, "contract_skipped": True}
    ResultsFolder(tmp_path, "smoke").store(result.model_copy(update=changes))
    place = ["--density", str(run.cell.density), "--growth", run.cell.growth]
    assert rank("smoke", *place, results=tmp_path) == 0
    marked = [line for line in capsys.readouterr().out.splitlines() if "trained with --no-contract" in line]
    assert [line.split()[0] for line in marked] == ["snip"]
    assert rank("smoke", "fmnist-lenet300", "--growth", run.cell.growth, "--json", results=tmp_path) == 0
    flags = {row["criterion"]: row["flags"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert flags["snip"][0] == "smoke: trained with --no-contract"


def test_a_criterion_that_collapses_with_some_seeds_is_marked(tmp_path, capsys):
    assert rank("smoke", "--density", "0.02", "--growth", "gradient", "--json", results=tmp_path) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    marked = {row["criterion"] for row in rows if COLLAPSES in row["flags"]}
    assert marked == {"reciprocal_sensitivity"}


def test_the_seeds_that_are_asked_for_are_those_that_are_ranked(tmp_path, capsys):
    assert rank("smoke", "--seeds", "1-3", results=tmp_path) == 0
    assert "Over all densities with random growth (3 seeds)" in capsys.readouterr().out


def test_the_json_has_every_column_of_every_row(tmp_path, capsys):
    assert rank("fmnist-lenet300", "--json", "--margin", "0.5", results=tmp_path) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["reference"], told["margin"], told["source"]) == ("magnitude", 0.5, "expected values")
    columns = {
        *("growth", "density", "criterion", "n", "mean", "difference", "low", "high", "p_holm", "p_improves"),
        *("p_equivalent", "rank", "rank_low", "rank_high", "p_best", "dof", "seeds_needed", "flags", "extra"),
        "contenders",
    }
    assert all(set(row) == columns for row in told["rows"])
    assert len(told["rows"]) == 6 * (2 * 11 + 2)


def test_several_experiments_have_one_standing_over_all(tmp_path, capsys):
    assert rank("smoke", "fmnist-lenet300", "fmnist-lenet300-authors", "--json", results=tmp_path) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["experiments"] == ["smoke", "fmnist-lenet300", "fmnist-lenet300-authors"]
    assert {row["n"] for row in told["rows"]} == {3}


def test_over_several_experiments_the_words_speak_of_them_and_name_what_one_lacks(tmp_path, capsys):
    assert rank("fmnist-lenet300", "fmnist-lenet300-field", results=tmp_path) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "its 95% interval speaks of experiments like these" in text
    assert "of this setting" not in text
    left = "random, relative_importance, soft_magnitude, wanda"
    assert f"not ranked: {left}, since not every experiment has them in all of its settings" in text


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["smoke", "--reference", "nothing"], "the reference 'nothing' has no result"),
        (["smoke", "--margin", "0"], "the margin must be above 0 points"),
        (["smoke", "--margin", "nan"], "the margin must be above 0 points"),
        (["smoke", "--margin", "inf", "--json"], "the margin must be above 0 points"),
        (["cifar10-cnn"], "run it first"),
        (["smoke", "--seeds", "99"], "run it first"),
        (["smoke", "--criteria", "magnitude,soft_magnitude"], "of soft_magnitude with its present code"),
    ],
)
def test_what_cannot_be_ranked_is_refused_in_one_line(arguments, problem, tmp_path, capsys):
    assert rank(*arguments, results=tmp_path) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--criteria", "magnitude,mest(lambda_=0.1),wanda"], "--criteria 'mest(lambda_=0.1),wanda'"),
        (["--add", "mest(lambda_=0.1)"], "--criteria 'mest(lambda_=0.1)'"),
        (["--add", "mest(lambda_=0.1),dst_ee"], "--criteria 'mest(lambda_=0.1)' --growth random,gradient,dst_ee"),
    ],
)
def test_what_is_said_to_train_what_is_missing_asks_for_the_same_part(asked, told, tmp_path, capsys, monkeypatch):
    part = ["--density", "0.05", "--seeds", "1-2"]
    assert rank("smoke", *asked, *part, results=tmp_path / "mine") == 2
    (line,) = capsys.readouterr().err.splitlines()
    command = f"dst-bench run smoke {told} {' '.join(part)}"
    assert f"`{command} --results {tmp_path / 'mine'}` trains what is missing" in line
    monkeypatch.setenv("DST_BENCH_RESULTS", str(tmp_path))
    assert main(["rank", "smoke", *asked, *part]) == 2
    assert f"`{command}` trains what is missing" in capsys.readouterr().err
