"""Continuous integration reads what a command found, or that it found nothing, and never what an earlier one did."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from benchmark.commands.cli import main
from criteria.contract.results import ContractError, Result
from criteria.errors import InputError
from tests.running.tiny import TINY

QUICK = {**TINY, "baselines": ["static"], "training": {**TINY["training"], "epochs": 1}}
CI = ("--junit", "verdicts.xml", "--github")
TRAINED = ("--no-contract", "--seeds", "1")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """An experiment in a folder beside the one that commands run in."""
    monkeypatch.chdir(tmp_path)
    Path("experiments").mkdir()
    Path("experiments/tiny.yaml").write_text(yaml.safe_dump(QUICK))
    return "experiments/tiny.yaml"


def suites():
    return list(ElementTree.parse("verdicts.xml").getroot())


def test_that_nothing_was_checked_is_told_and_strictly_an_error(tiny, capsys):
    assert main(["reproduce", tiny, *TRAINED, *CI]) == 0
    said = capsys.readouterr().out
    where = "no expected values of 'tiny' in expected_results, experiments/expected_results, "
    assert f"\nnothing was checked: {where}" in said
    assert f"::warning title=tiny::nothing was checked: {where}" in said
    ((case,),) = suites()
    assert case.find("skipped").get("message").startswith(f"nothing was checked: {where}")
    assert main(["reproduce", tiny, *TRAINED, *CI, "--strict"]) == 1


def test_expected_values_are_found_beside_the_experiments_file(tiny):
    assert main(["run", tiny, *TRAINED]) == 0
    assert main(["accept", tiny, "--seeds", "1", "--expected", "experiments/expected_results"]) == 0
    assert main(["reproduce", tiny, *TRAINED, "--junit", "verdicts.xml", "--strict"]) == 0
    assert len(suites()[0]) > 1
    path = Path("experiments/expected_results/tiny.yaml")
    content = yaml.safe_load(path.read_text())
    for cell in content["cells"]:
        cell["measured"]["mean"] -= 5
    path.write_text(yaml.safe_dump(content))
    for command in ("check", "reproduce"):
        assert main([command, tiny, "--seeds", "1"]) == 1
    for command in (["report", "--stored"], ["rank", "--leaderboard", "board.md", "--results", "none"]):
        assert main([*command, tiny, "--seeds", "1"]) == 0, command


def test_expected_values_here_come_before_those_beside_the_experiments_file(tiny, capsys):
    assert main(["run", tiny, *TRAINED]) == 0
    assert main(["accept", tiny, "--seeds", "1"]) == 0
    Path("experiments/expected_results").mkdir()
    Path("experiments/expected_results/tiny.yaml").write_text("damaged")
    assert main(["check", tiny, "--seeds", "1"]) == 0


@pytest.fixture
def broken(monkeypatch):
    """Every criterion breaks a promise."""

    def breaks(_runs):
        raise ContractError("magnitude", Result("exact_count", "broken", "found 5 < 6", "select(layer, 6)"))

    monkeypatch.setattr("benchmark.running.gate.require_contract", breaks)


def test_a_broken_contract_is_a_test_that_failed(tiny, broken, capsys):
    Path("verdicts.xml").write_text("<testsuites/>")
    assert main(["reproduce", tiny, *CI]) == 3
    ((case,),) = suites()
    assert case.find("failure").get("message") == "magnitude breaks exact_count"
    assert "found: found 5 < 6\n" in case.find("failure").text
    assert "::error title=dst-bench reproduce::magnitude breaks exact_count\n" in capsys.readouterr().out


def test_what_was_checked_before_a_contract_turned_out_broken_is_told_too(tiny, monkeypatch, request):
    assert main(["run", tiny, *TRAINED]) == 0
    assert main(["accept", tiny, "--seeds", "1"]) == 0
    Path("experiments/other.yaml").write_text(yaml.safe_dump({**QUICK, "model": {"name": "mlp", "widths": [5]}}))
    request.getfixturevalue("broken")
    assert main(["reproduce", tiny, "experiments/other.yaml", "--seeds", "1", *CI]) == 3
    assert [suite.get("name") for suite in suites()] == ["dst-bench check tiny", "dst-bench reproduce"]


@pytest.mark.parametrize("command", ["check", "reproduce"])
def test_a_command_that_fails_leaves_no_file_of_an_earlier_one(tiny, command):
    Path("real.xml").write_text("<testsuites/>")
    Path("verdicts.xml").symlink_to("real.xml")
    assert main([command, "experiments/none.yaml", *CI]) == 2
    assert not Path("real.xml").exists()
    assert Path("verdicts.xml").is_symlink()


def test_a_contract_is_told_as_broken_also_where_the_file_cannot_be_written(tiny, broken, monkeypatch, capsys):
    def refused(path, _content):
        raise InputError(f"{path}: cannot be written: No space left on device")

    monkeypatch.setattr("benchmark.system.files.write_atomically", refused)
    assert main(["reproduce", tiny, "--junit", "verdicts.xml"]) == 3
    assert "magnitude breaks exact_count" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["--junit=file/below.xml", "--junit=/dev/null", "--out=file/below"])
def test_what_cannot_be_written_is_refused_before_anything_is_trained(tiny, given, monkeypatch, capsys):
    monkeypatch.setattr("benchmark.running.missing.train_missing", lambda *_: pytest.fail("it was trained"))
    Path("file").touch()
    assert main(["reproduce", tiny, given]) == 2
    said = capsys.readouterr().err
    assert said.startswith("dst-bench: file" if "file" in given else "dst-bench: /dev/null")
    assert "cannot be written" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("summary", "problem"),
    [
        ("folder", "it is a folder"),
        ("file/below.md", "there is no folder file"),
        ("none/below.md", "there is no folder none"),
    ],
)
def test_a_summary_that_cannot_be_written_is_refused_before_anything_is_trained(
    tiny, summary, problem, monkeypatch, capsys
):
    monkeypatch.setattr("benchmark.running.missing.train_missing", lambda *_: pytest.fail("it was trained"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", summary)
    Path("file").touch()
    Path("folder").mkdir()
    Path("verdicts.xml").write_text("<testsuites/>")
    assert main(["reproduce", tiny, *CI]) == 2
    assert capsys.readouterr().err == f"dst-bench: {summary}: cannot be written: {problem}\n"
    assert not Path("verdicts.xml").exists()


@pytest.mark.parametrize("junit", [["--junit", "verdicts.xml"], ["--junit=verdicts.xml"]])
@pytest.mark.parametrize("wrong", ["--unknown", "--seeds=none"])
def test_a_command_whose_arguments_are_wrong_leaves_no_file_of_an_earlier_one(tiny, junit, wrong):
    Path("verdicts.xml").write_text("<testsuites/>")
    assert main(["rank", tiny, *junit]) == 2
    assert Path("verdicts.xml").exists(), "a command that writes no such file removes none"
    assert main(["check", tiny, *junit, wrong]) == 2
    assert not Path("verdicts.xml").exists()


def test_wrong_arguments_before_a_command_or_behind_the_file_remove_no_folder(tiny):
    Path("verdicts.xml").mkdir()
    assert main(["check", tiny, "--junit", "verdicts.xml"]) == 2
    assert main(["check", tiny, "--junit"]) == 2
    assert Path("verdicts.xml").is_dir()
