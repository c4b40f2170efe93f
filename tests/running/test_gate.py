"""The gate asks the other cores for help, and believes only what has passed, by the code that judged it."""

import shutil
import time

import pytest
import torch

from benchmark.experiments.cells import Cell
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.running import gate
from criteria.plugins import Spec


def test_other_cores_check_the_last_plugins_while_the_first_are_checked_here(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    runs = [run for run in expand(load_experiment("smoke")) if run.cell == Cell("magnitude", "random", 0.05)]

    def waits_for_the_growth(*_):
        until = time.monotonic() + 1800  # the contract takes the growth ten seconds of an idle core
        while not gate._is_remembered(Spec("random"), "growth"):
            assert time.monotonic() < until
            time.sleep(0.05)

    monkeypatch.setattr(gate, "check_criterion", waits_for_the_growth)
    monkeypatch.setattr(gate, "check_growth", None)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert gate.require_contract(runs) == "contract: all 2 criteria, growths and schedules keep it"
        assert gate.require_contract(runs).endswith("(2 of them checked before)")
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def keeps(monkeypatch, tmp_path):
    """Whether magnitude is known to keep the contract, having passed it as it is here, with its code in a folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(gate, "check_criterion", lambda *_: None)
    gate.check_once(Spec("magnitude"), "criterion")

    def known(change=lambda folder: None):
        folder = tmp_path / "criteria"
        shutil.copytree(gate._CRITERIA, folder, ignore=shutil.ignore_patterns("__pycache__"))
        change(folder)
        with monkeypatch.context() as patch:
            patch.setattr(gate, "_CRITERIA", folder)
            return gate._is_remembered(Spec("magnitude"), "criterion")

    return known


def test_what_has_passed_stays_known_while_no_statement_changes(keeps):
    def comment(folder):
        path = folder / "api.py"
        path.write_text(f"# a comment\n{path.read_text('utf-8')}", "utf-8")

    assert keeps(comment)


@pytest.mark.parametrize("judge", ["api.py", "selection.py", "contract/purity.py", "contract/implementations/check.py"])
def test_what_has_passed_is_checked_anew_once_the_interface_or_the_contract_changes(keeps, judge):
    def statement(folder):
        with (folder / judge).open("a", encoding="utf-8") as file:
            file.write("CHANGED = True\n")

    assert not keeps(statement)


@pytest.mark.parametrize("library", ["torch", "numpy"])
def test_what_has_passed_is_checked_anew_with_another_version_of_a_library_that_computes(keeps, monkeypatch, library):
    monkeypatch.setattr(f"{library}.__version__", "0.0")
    assert not keeps()


def test_where_no_mask_changes_nothing_is_read_to_know_who_judges(monkeypatch):
    monkeypatch.setattr(gate, "_judge", None)
    runs = [run for run in expand(load_experiment("smoke")) if run.rule.baseline is not None]
    assert gate.require_contract(runs) == ""


def test_a_criterion_and_a_growth_of_one_name_are_told_apart(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(gate, "check_once", lambda *_: None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)  # then no other process is started
    gate.require_contract(run for run in expand(load_experiment("smoke")) if run.cell == Cell("random", "random", 0.05))
    assert capsys.readouterr().err == "checking the contract of criterion random, growth random\n"
