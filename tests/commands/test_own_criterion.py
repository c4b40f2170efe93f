"""A criterion of one's own: compared without knowing any trick, and in one results folder wherever one works."""

import json
from pathlib import Path

import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.experiments.part import Part
from benchmark.experiments.runs import expand
from benchmark.system.results_root import results_root
from benchmark.system.user import kept_folder
from tests.running.tiny import TINY

TWO_EPOCHS = {**TINY, "training": {**TINY["training"], "epochs": 2}}
SMALL = {**TWO_EPOCHS, "axes": {**TINY["axes"], "criteria": ["magnitude", "set"], "seeds": [1, 2, 3]}}
OWN = "mest(lambda_=3.0)"


@pytest.fixture(scope="module")
def accepted(tmp_path_factory):
    """A folder with an experiment whose values are stored, and the results of a criterion that it does not have."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("tiny.yaml").write_text(yaml.safe_dump(SMALL))
        assert main(["run", "tiny.yaml", "--no-contract", "--results", "whole"]) == 0
        assert main(["accept", "tiny.yaml", "--results", "whole"]) == 0
        assert main(["run", "tiny.yaml", "--no-contract", "--results", "alone", "--criteria", OWN]) == 0
    return folder


@pytest.fixture
def here(accepted, monkeypatch):
    monkeypatch.chdir(accepted)
    return accepted


def test_what_is_added_stands_beside_all_that_is_there_and_is_not_added_twice(here):
    whole = Part().select("tiny.yaml")
    more = Part(add=f"{OWN},set,dropout(p=0.1)").select("tiny.yaml")
    assert [str(each) for each in more.axes.criteria] == [*map(str, whole.axes.criteria), OWN]
    assert [str(each) for each in more.baselines] == [*map(str, whole.baselines), "dropout(p=0.1)"]
    grown = Part(add="momentum").select("tiny.yaml")
    assert [str(each) for each in grown.axes.growths] == [*map(str, whole.axes.growths), "momentum"]
    assert grown.axes.criteria == whole.axes.criteria
    one = Part(criteria="set", add=OWN).select("tiny.yaml")
    assert [str(each) for each in one.axes.criteria] == ["set", OWN]


def test_a_part_with_an_addition_is_written_as_options_that_ask_for_it():
    assert Part(criteria="set", add=OWN).options == ["--criteria", "set", "--add", OWN]


@pytest.mark.parametrize("command", ["check", "reproduce"])
def test_a_new_criterion_alone_is_told_where_it_stands_among_the_stored_ones_and_nothing_fails(here, command, capsys):
    options = ["--no-contract"] if command == "reproduce" else []
    assert main([command, "tiny.yaml", "--results", "alone", "--criteria", OWN, *options]) == 0
    said = capsys.readouterr().out
    assert "of 3 (" in said  # the ranks of three criteria, of which two are stored
    assert "magnitude: " in said
    assert "new: " in said
    assert "unexpected" not in said


def test_no_claim_of_the_paper_is_judged_by_somebodys_own_criterion(here, capsys):
    assert main(["check", "tiny.yaml", "--results", "whole", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    for path in Path("alone/tiny/runs").glob("*.json"):
        (Path("whole/tiny/runs") / path.name).write_bytes(path.read_bytes())
    assert main(["check", "tiny.yaml", "--results", "whole", "--add", OWN, "--json"]) == 0
    added = json.loads(capsys.readouterr().out)
    assert added["claims"] == plain["claims"]
    assert added["changes"] == []
    assert {row["verdict"] for row in added["rows"]} == {"reproduced", "new"}
    assert added["overall"] == "reproduced"
    assert {row["criterion"] for row in added["newcomers"]["rows"]} == {OWN}


def test_a_cell_of_a_criterion_that_is_stored_at_other_densities_is_unexpected_and_not_new(here, capsys):
    asked = ["--density", "0.3", "--criteria", "magnitude", "--results", "other"]
    assert main(["run", "tiny.yaml", "--no-contract", "--seeds", "1", *asked]) == 0
    assert main(["check", "tiny.yaml", *asked]) == 0
    assert "unexpected" in capsys.readouterr().out


def test_a_variation_is_not_compared_with_values_that_other_settings_gave(here, capsys):
    asked = ["--results", "varied", "--criteria", OWN, "--set", "training.epochs=1", "--seeds", "1"]
    assert main(["run", "tiny.yaml", "--no-contract", *asked]) == 0
    assert main(["check", "tiny.yaml", *asked]) == 0
    assert "where the new criteria stand" not in capsys.readouterr().out


def test_the_rank_of_a_criterion_of_ones_own_is_asked_for_by_its_name(here, capsys):
    assert main(["rank", "tiny.yaml", "--results", "alone", "--add", OWN]) == 0
    said = capsys.readouterr().out
    assert OWN in said
    assert f"results in {here / 'alone' / 'tiny'}, expected values of 12 other runs" in said


def test_a_leaderboard_has_ones_own_rows_beside_the_stored_ones(here, capsys):
    asked = ["rank", "tiny.yaml", "--results", "alone", "--leaderboard", "board.md"]
    lacking = len(expand(Part().select("tiny.yaml")))
    assert main([*asked, "--add", OWN]) == 0
    assert f"results in {here / 'alone' / 'tiny'}; stored results of {lacking} runs in" in capsys.readouterr().out
    rows = [line.split("|")[1].strip() for line in Path("board.md").read_text().splitlines() if line.startswith("| ")]
    assert any(row.startswith(OWN) for row in rows)
    assert any(row.startswith("magnitude") for row in rows)
    assert main([*asked, "--criteria", OWN]) == 0
    assert "stored" not in capsys.readouterr().out


def test_a_leaderboard_without_the_row_that_was_asked_for_is_not_written(here, capsys):
    asked = ["rank", "tiny.yaml", "--results", "none", "--leaderboard", "lacking.md"]
    assert main([*asked, "--add", OWN]) == 2
    said = capsys.readouterr().err
    assert f"of {OWN} with its present code" in said
    assert f"`dst-bench run tiny.yaml --criteria '{OWN}' --results none`" in said
    assert not Path("lacking.md").exists()


@pytest.mark.parametrize(
    "command",
    [["run", "--no-contract"], ["status"], ["check"], ["report"], ["reproduce", "--no-contract"], ["rank"]],
    ids=lambda command: command[0],
)
def test_every_command_says_which_results_it_used(here, command, capsys):
    name, *options = command
    assert main([name, "tiny.yaml", "--results", "alone", "--criteria", OWN, *options]) == 0
    said = capsys.readouterr()
    assert f"results in {here / 'alone' / 'tiny'}" in said.out + said.err


def test_results_are_kept_in_one_folder_wherever_a_command_is_started(tmp_path, monkeypatch):
    found = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        found.append(results_root({}))
    assert found == [kept_folder() / "results"] * 2
    assert found[0].is_absolute()


def test_results_that_are_here_already_are_used_where_they_are(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("results").mkdir()
    assert results_root({}) == kept_folder() / "results"
    (tmp_path / "results/tiny").symlink_to(here / "alone/tiny")
    assert results_root({}) == Path("results")
    assert results_root({"DST_BENCH_RESULTS": "elsewhere"}) == Path("elsewhere")


def test_a_home_that_nobody_has_in_the_variable_is_one_line(here, monkeypatch, capsys):
    monkeypatch.setenv("DST_BENCH_RESULTS", "~nobody-of-that-name/x")
    assert main(["status", "tiny.yaml"]) == 2
    error = capsys.readouterr().err
    assert "no home folder" in error
    assert error.count("\n") == 1


def test_results_and_accepted_values_name_the_data_that_they_saw(here):
    (digest,) = {json.loads(path.read_text())["environment"]["data"] for path in Path("whole/tiny/runs").glob("*.json")}
    assert yaml.safe_load(Path("expected_results/tiny.yaml").read_text())["sources"]["measured"]["data"] == digest


def test_a_growth_that_nothing_else_has_run_with_is_named_as_not_ranked(here, capsys):
    alone = ["tiny.yaml", "--results", "growth"]
    assert main(["run", *alone, "--no-contract", "--criteria", "magnitude", "--growth", "dst_ee"]) == 0
    capsys.readouterr()
    assert main(["rank", *alone, "--add", "dst_ee"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "not ranked: magnitude with growth dst_ee at density 0.2, since no other criterion has run with it" in told
    assert "`dst-bench run tiny.yaml --growth dst_ee --results growth` trains all criteria with it" in told
    assert main(["rank", *alone, "--add", "dst_ee", "--json"]) == 0
    alone_with = {"growth": "dst_ee", "density": 0.2, "extra": {}, "criteria": ["magnitude"]}
    assert json.loads(capsys.readouterr().out)["unranked"] == [alone_with]


def test_what_the_line_about_a_growth_says_is_what_ranks_it(here, capsys):
    both = ["tiny.yaml", "--results", "both", "--density", "0.2"]
    assert main(["run", *both, "--no-contract", "--growth", "dst_ee"]) == 0
    capsys.readouterr()
    assert main(["rank", *both, "--add", "dst_ee"]) == 0
    told = capsys.readouterr().out
    assert "with dst_ee growth" in told
    assert "not ranked" not in told
