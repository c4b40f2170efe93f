"""What diverged, and what is only a variation, is never taken for what an experiment gives."""

import datetime
import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.experiments.results import ResultsFolder
from benchmark.report.tables import results_csv, results_table
from benchmark.verdicts.accepting import accept_study
from benchmark.verdicts.check import check_study
from benchmark.verdicts.expected import read_expected
from benchmark.verdicts.newcomers import standing_of
from criteria.errors import InputError
from tests.report.made_up import changed, experiment, page_of, results_of, study_of
from tests.running.tiny import TINY

TODAY = datetime.date(2026, 3, 14)
MADE = experiment(criteria=("magnitude", "snip"), growths=("random",), densities=(0.1, 0.2), seeds=(1, 2, 3))


def a_study(diverged=lambda _run: False):
    found = []
    for run, result in results_of(MADE):
        outcome = replace(result.outcome, diverged=diverged(run))
        found.append((run, result.model_copy(update={"outcome": outcome})))
    return replace(study_of(MADE), results=tuple(found))


def snip_at_one_seed(run):
    return run.cell.criterion == "snip" and run.cell.density == 0.1 and run.seed == 2


def test_a_cell_with_a_diverged_run_is_marked_and_named_in_tables_and_on_the_page():
    study = a_study(snip_at_one_seed)
    told = results_table(study)
    assert "²" in next(line for line in told.splitlines() if line.startswith("snip"))
    assert "² diverged" in told
    assert "snip · random · 0.1 (1 of 3)" in told
    assert study.cautions == ["snip · random · 0.1: 1 of 3 runs diverged"]
    page = page_of(study)
    assert "1 of 21 runs diverged" in page
    assert "snip · random · 0.1 (1 of 3)" in page
    rows = [line.split(",") for line in results_csv(study).splitlines()]
    assert [row[:3] for row in rows if row[-1] == "1"] == [["snip", "random", "0.1"]]


def test_without_divergence_nothing_is_marked():
    study = a_study()
    assert "²" not in results_table(study)
    assert study.cautions == []
    assert "diverged" not in page_of(study)


@pytest.mark.parametrize(
    ("data", "accuracies", "collapses"),
    [
        ("digits", (9.8, 13.4, 13.9), True),
        ("cifar100", (9.8, 13.4, 13.9), False),
        ("digits", (1.0, 4.8, 5.2), False),
        ("cifar100", (1.0, 4.8, 5.2), True),
    ],
)
def test_a_run_at_the_chance_of_its_own_data_is_a_collapse(tmp_path, data, accuracies, collapses):
    made = changed(MADE, data=data)
    study = study_of(made, accuracy=lambda run: accuracies[run.seed - 1] if run.cell.criterion == "snip" else 40.0)
    flags = {flag for row in standing_of(study).rows if row.criterion == "snip" for flag in row.flags}
    assert any("collapse" in flag for flag in flags) == collapses
    again = study_of(made, accuracy=lambda run: 40 if run.cell.criterion != "snip" else accuracies[run.seed - 1] + 0.01)
    accept_study(study, tmp_path / "made-up.yaml", TODAY)
    rows = check_study(replace(again, expected=read_expected(tmp_path / "made-up.yaml"))).rows
    assert any(row.verdict == "unstable" for row in rows) == collapses


def test_diverged_runs_are_no_expected_values_unless_somebody_says_so(tmp_path):
    study, path = a_study(snip_at_one_seed), tmp_path / "made-up.yaml"
    with pytest.raises(InputError, match=r"1 run of made-up diverged.*snip · random · 0\.1.*--diverged"):
        accept_study(study, path, TODAY)
    assert not path.exists()
    accept_study(study, path, TODAY, diverged=True)
    assert "snip · random · 0.1: 1 of 3 runs diverged" in read_expected(path).sources["measured"].note


def test_expected_values_keep_the_command_that_makes_them_again(tmp_path):
    path = tmp_path / "made-up.yaml"
    accept_study(a_study(), path, TODAY, ["mine.yaml", "--criteria", "magnitude,mest(lambda_=2)"])
    assert read_expected(path).sources["measured"].command == (
        "dst-bench run mine.yaml --criteria 'magnitude,mest(lambda_=2)'"
    )
    accept_study(a_study(), path, TODAY)
    assert read_expected(path).sources["measured"].command == "dst-bench run made-up"


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY))
    Path("smoke.yaml").write_text(yaml.safe_dump(TINY))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tiny.yaml", "--set", "training.epochs=1"], "--set training.epochs=1: a variation is not"),
        (["tiny.yaml", "--criteria", "mest"], "mest · random · 0.2"),
        (["tiny.yaml", "--growth", "gradient"], "magnitude · gradient · 0.2"),
        (["tiny.yaml", "--density", "0.3"], "static · 0.3"),
        (["smoke.yaml"], "an installed experiment that differs has the name smoke"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_not_the_experiment_as_it_is_written_is_not_accepted_as_its_values(tiny, capsys, arguments, said):
    assert main(["accept", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "name of its own" in error
    assert error.count("\n") == 1
    assert not Path("expected_results").exists()


@pytest.mark.parametrize(("auto", "engine"), [("dense", ""), ("sparse", " --engine dense")])
def test_the_stored_command_runs_and_makes_the_results_on_their_engine_again(tiny, monkeypatch, capsys, auto, engine):
    Path("tiny.yaml").rename("my own.yaml")
    asked = ["my own.yaml", "--criteria", "static", "--seeds", "1"]
    assert main(["run", *asked, "--engine", "dense"]) == 0
    monkeypatch.setattr("benchmark.training.engines.choosing.fastest_engine", lambda *_: auto)
    assert main(["accept", *asked]) == 0
    source = read_expected(Path("expected_results/my own.yaml")).sources["measured"]
    assert source.command == f"dst-bench run 'my own.yaml' --criteria static --seeds 1{engine}"
    results = {path.name for path in Path("results").rglob("*.json")}
    assert main([*shlex.split(source.command)[1:], "--results", "again"]) == 0
    assert {path.name for path in Path("again").rglob("*.json")} == results


def test_the_stored_command_skips_the_contract_where_the_results_did(tiny):
    asked = ["tiny.yaml", "--criteria", "magnitude", "--seeds", "1"]
    assert main(["run", *asked, "--no-contract"]) == 0
    assert main(["accept", *asked]) == 0
    source = read_expected(Path("expected_results/tiny.yaml")).sources["measured"]
    assert "--no-contract" in shlex.split(source.command)


def test_no_part_of_a_result_can_be_changed_unnoticed_and_neither_can_its_times(tmp_path):
    folder = ResultsFolder(tmp_path, "made-up")
    run, result = results_of(MADE)[0]
    folder.store(result)
    path = folder.file(run.id)
    written = json.loads(path.read_text())
    for key, value in (("finished", "2027-01-01T00:00:00+00:00"), ("fleet_seconds", 1.0), ("fleet_size", 3)):
        path.write_text(json.dumps({**written, "time": {**written["time"], key: value}}))
        with pytest.raises(InputError, match="was changed since it was written"):
            folder.read(run)


def test_results_of_older_versions_which_have_no_digest_of_their_times_are_still_read(tmp_path):
    folder = ResultsFolder(tmp_path, "made-up")
    run, result = results_of(MADE)[0]
    folder.store(result)
    path = folder.file(run.id)
    written = json.loads(path.read_text())
    del written["time"]["digest"]
    path.write_text(json.dumps(written))
    assert folder.read(run).outcome == result.outcome
