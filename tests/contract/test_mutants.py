"""Mutants are right plugins with one fault, and the runner says what became of each of them."""

import importlib
import pickle

import pytest

from criteria.pruning.magnitude import Magnitude
from criteria.pruning.running_magnitude import RunningMagnitude
from tests.contract.mutants import EQUAL, SURVIVED, Verdict, main, summary
from tests.contract.operators import OPERATORS, mutants, originals

BY_NAME = {operator.name: operator for operator in OPERATORS}


def mutant_of(original: type, fault: str):
    return next(each for each in mutants((BY_NAME[fault],), None) if each.original is original)


def test_every_operator_makes_mutants_and_at_least_four_hundred_in_all() -> None:
    made = list(mutants(OPERATORS))
    assert {mutant.operator for mutant in made} == {*OPERATORS}
    assert len(OPERATORS) >= 30
    assert len({mutant.name for mutant in made}) == len(made) >= 400


def test_every_original_has_mutants() -> None:
    assert {mutant.original for mutant in mutants(OPERATORS)} == {*originals()}


def test_mutants_are_classes_that_another_process_can_import() -> None:
    for mutant in mutants(OPERATORS, 2):
        plugin = mutant.kind()
        assert type(pickle.loads(pickle.dumps(plugin))) is mutant.kind
        assert getattr(importlib.import_module(mutant.kind.__module__), mutant.name) is mutant.kind


@pytest.mark.parametrize("fault", ["SeedsTorchInScore", "SavesNothing", "OneFewerWhenLarge", "WritesWhenLarge"])
def test_a_fault_that_shows_makes_another_plugin(fault: str) -> None:
    assert not mutant_of(RunningMagnitude, fault).is_equal()


def test_a_fault_that_never_shows_leaves_the_plugin_equal() -> None:
    # what it keeps has another value than any tensor of the layer, so there is none to keep in its place
    rms = next(each for each in originals() if each.__name__ == "RootMeanSquare")
    assert mutant_of(rms, "KeepsTheLayersTensors").is_equal()


@pytest.mark.long
@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.name)
def test_what_shows_a_fault_shows_none_in_any_original(operator) -> None:
    fitting = [original for original in originals() if operator.fits(original)]
    assert [original.__name__ for original in fitting if any(shows(original) for shows in operator.shown_by)] == []


def test_the_runner_goes_on_where_it_was(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["--operator", "SavesNothing", "--plugin", "RunningMagnitude", "--most", "0"]
    arguments += ["--examples", "10"]
    assert main([*arguments, "--at-least", "1"]) == 0
    first = capsys.readouterr()
    assert "[1/1] RunningMagnitude_SavesNothing, 10 examples, seed 0: caught, state_roundtrip" in first.err
    assert main(arguments) == 0
    again = capsys.readouterr()
    assert again.err == ""
    assert again.out == first.out


def test_a_share_of_nothing_is_not_enough(capsys) -> None:
    assert main(["--operator", "SavesNothing", "--plugin", "Magnitude"]) == 2
    assert "Magnitude" in capsys.readouterr().err


def test_a_summary_names_survivors_and_leaves_equal_ones_out() -> None:
    survivor = Verdict(f"{Magnitude.__name__}_FailsLate", "FailsLate", SURVIVED)
    text = summary([survivor, Verdict("Magnitude_AddsItsPosition", "AddsItsPosition", EQUAL)])
    assert "no reason is known" in text
    assert "caught 0 of 1: 0.0%" in text
    assert "Magnitude_AddsItsPosition" in text
