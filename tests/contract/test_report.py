"""What the contract says: results, errors, the command; and that no plugin brings it down."""

import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from criteria import Criterion, InputError, Layer, load
from criteria.contract import Circumstances, ContractError, check_criterion, check_growth, report
from criteria.contract.case import Case
from criteria.contract.command import main
from criteria.contract.properties import PROMISES
from criteria.contract.selection_properties import exact_count
from criteria.growth.random import RandomGrowth
from criteria.pruning.magnitude import Magnitude
from tests.contract.planted import AtLeastOne, ChangesDefaultDtype, Hangs, OneTooMany, Raises, Running, SeedsTorch

GROWTH = [RandomGrowth()]


def outcomes(results):
    return {result.property: result.outcome for result in results}


def test_a_right_criterion_passes_quietly() -> None:
    assert check_criterion(Magnitude(), 5, partners=GROWTH, quick=True) is None
    assert check_criterion("mest(lambda_=0.1)", 2, partners=GROWTH) is None
    assert check_growth("random", 5, partners=[Magnitude()], quick=True) is None


class Leaves(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        raise GeneratorExit


def test_what_is_no_ordinary_exception_breaks_a_promise_too() -> None:
    results = report(Leaves(), 5, partners=GROWTH, quick=True)
    assert outcomes(results)["score_shape"] == "broken"
    assert "GeneratorExit" in next(result.reason for result in results if result.outcome == "broken")


class Unspeakable(Exception):  # noqa: N818 - what it is has no name
    def __str__(self) -> str:
        raise ZeroDivisionError


class RaisesTheUnspeakable(Magnitude):
    def score(self, layer: Layer) -> Tensor:
        raise Unspeakable


def test_an_error_that_cannot_say_what_it_is_breaks_a_promise_too() -> None:
    assert outcomes(report(RaisesTheUnspeakable(), 5, partners=GROWTH, quick=True))["score_shape"] == "broken"


class ComparesAllWithAll(Magnitude):
    """Asks for more memory than any machine has, in layers of more than 10,000 weights."""

    def __init__(self, make: Callable[[int], object]) -> None:
        self.make = make

    def score(self, layer: Layer) -> Tensor:
        if layer.weight.numel() > 10_000:
            self.make(10**14)
        return super().score(layer)


@pytest.mark.parametrize("make", [torch.empty, np.empty], ids=["torch", "NumPy"])
def test_what_lacks_memory_in_a_large_layer_breaks_no_promise(make: Callable[[int], object]) -> None:
    results = outcomes(report(ComparesAllWithAll(make), 2, partners=GROWTH))
    assert "broken" not in results.values()
    assert results["pure"] == "kept"


class SavesNone(Running):
    def state_dict(self):
        return None


def test_a_state_that_is_none_breaks_a_promise_and_does_not_end_the_search() -> None:
    assert outcomes(report(SavesNone(), 5, partners=GROWTH, quick=True))["state_roundtrip"] == "broken"


def test_the_report_has_a_result_for_every_property_in_order() -> None:
    properties = list(dict.fromkeys(result.property for result in report("magnitude", 5, partners=GROWTH, quick=True)))
    assert properties == [name for name in PROMISES if name != "candidates_only"]


def test_a_report_tells_what_is_broken_beside_what_is_kept() -> None:
    by_name = outcomes(report(OneTooMany(), 10, partners=GROWTH, seed=0, quick=True))
    assert by_name["exact_count"] == by_name["density_preserved"] == "broken"
    assert by_name["score_shape"] == by_name["pure"] == by_name["deterministic"] == "kept"


def test_what_no_update_went_through_for_is_not_called_kept() -> None:
    by_name = outcomes(report(Raises(), 10, partners=GROWTH, seed=0, quick=True))
    assert by_name["density_preserved"] == "broken"
    assert by_name["no_resurrection"] == by_name["replay"] == "not checked"


def test_an_error_says_what_is_promised_what_was_found_and_how_to_see_it() -> None:
    with pytest.raises(ContractError) as error:
        check_criterion(AtLeastOne(), 30, seed=0)
    assert error.value.property == "exact_count"
    message = str(error.value)
    assert message.startswith("AtLeastOne breaks exact_count\n")
    assert PROMISES["exact_count"] in message
    assert "asked for 0 of 1 positions, select() gave 1" in message
    assert "from tests.contract.planted import AtLeastOne" in message


def test_the_counterexample_of_an_installed_criterion_loads_it_with_its_parameters() -> None:
    broken = load("mest(lambda_=0.5)")
    broken.score = lambda layer: layer.weight[..., None]  # a method that goes wrong after it was installed
    with pytest.raises(ContractError) as error:
        check_criterion(broken, 5, seed=0)
    assert 'criteria.load("mest(lambda_=0.5)")' in error.value.result.code


@pytest.mark.parametrize("plugin", [Raises(), Hangs()], ids=lambda plugin: type(plugin).__name__)
def test_a_criterion_that_gives_no_answer_has_a_clear_result_and_the_rest_is_not_checked(plugin: Criterion) -> None:
    by_name = outcomes(report(plugin, 20, partners=GROWTH, time_limit=0.5, seed=0))
    assert by_name.pop("score_shape") == "broken"
    others = {"exact_count", "density_preserved", "degenerate_layers"}  # a failing select() breaks these too
    assert {outcome for name, outcome in by_name.items() if name not in others} <= {"not checked", "kept"}
    assert by_name["deterministic"] == "not checked"


def test_a_hang_is_named_by_the_place_where_it_hangs() -> None:
    results = report(Hangs(), 5, partners=GROWTH, time_limit=0.5)
    assert [result.property for result in results if result.hung] == ["score_shape"]
    assert "did not return within 0.5 s" in results[0].reason
    assert "Hangs.score" in results[0].reason


class HangsInObserve(Running):
    def observe(self, layer: Layer) -> None:
        while layer.step > 0:
            pass


class HangsOnConvolutions(Magnitude):
    def select(self, layer: Layer, n: int) -> Tensor:
        while layer.weight.dim() == 4:
            pass
        return super().select(layer, n)


@pytest.mark.parametrize("plugin", [HangsInObserve(), HangsOnConvolutions()], ids=lambda plugin: type(plugin).__name__)
def test_a_hang_anywhere_ends_in_a_result(plugin: Criterion) -> None:
    with pytest.raises(ContractError, match=r"did not return within 0\.5 s"):
        check_criterion(plugin, partners=GROWTH, time_limit=0.5, seed=0)


def test_where_there_is_no_alarm_there_is_no_limit_but_all_else_works() -> None:
    failures = []

    def check() -> None:
        try:
            check_criterion(OneTooMany(), 10, partners=GROWTH)
        except ContractError as error:
            failures.append(error.property)

    thread = threading.Thread(target=check)
    thread.start()
    thread.join()
    assert failures == ["exact_count"]


@pytest.mark.parametrize("plugin", [ChangesDefaultDtype(), SeedsTorch()], ids=lambda plugin: type(plugin).__name__)
def test_what_a_plugin_does_to_the_process_is_undone(plugin: Criterion) -> None:
    before = (torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads(), random.getstate())
    states = torch.get_rng_state(), np.random.get_state()[1]
    report(plugin, 5, partners=GROWTH)
    assert before == (torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads(), random.getstate())
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])


def test_a_criterion_that_cannot_be_copied_is_bad_input() -> None:
    @dataclass
    class Locked(Magnitude):
        def __post_init__(self) -> None:
            self.lock = threading.Lock()

    with pytest.raises(InputError, match="Locked cannot be copied"):
        check_criterion(Locked())


def test_no_examples_are_bad_input() -> None:
    with pytest.raises(InputError, match="max_examples is 0"):
        check_criterion("magnitude", 0)


def test_a_seed_makes_the_search_the_same_every_time() -> None:
    codes = set()
    for _ in range(2):
        with pytest.raises(ContractError) as error:
            check_criterion(OneTooMany(), 30, seed=3)
        codes.add(error.value.result.code)
    assert len(codes) == 1


def test_properties_are_functions_that_can_be_called_by_hand() -> None:
    layer = Layer("fc1", torch.tensor([0.5, 0.0, -2.0]), None, torch.tensor([True, False, True]))
    assert exact_count(Magnitude(), Case(layer, n=1)) is None


def test_the_command_prints_every_property_of_one_criterion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["magnitude"], all_=False, max_examples=3, as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("criterion magnitude: 20 properties, 20 kept") or torch.cuda.is_available()
    assert any(line.split() == ["exact_count", "kept"] for line in lines)


def test_the_command_gives_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["momentum"], all_=False, max_examples=3, as_json=True, quick=True) == 0
    (outcome,) = json.loads(capsys.readouterr().out)
    assert (outcome["kind"], outcome["name"]) == ("growth", "momentum")
    assert {"property": "candidates_only", "outcome": "kept"}.items() <= outcome["results"][3].items()


def test_a_name_stands_for_the_criterion_and_the_growth(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["random"], all_=False, max_examples=3, as_json=False, quick=True) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "criterion random",
        "growth random",
    ]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["magnitud"], "unknown criterion, growth or schedule 'magnitud'; did you mean 'magnitude'?"),
        ([], "nothing to check"),
    ],
)
def test_what_cannot_be_checked_is_bad_input(names: list[str], problem: str) -> None:
    with pytest.raises(InputError, match=f"^{problem.replace('?', '[?]')}"):
        main(names, all_=False, max_examples=3, as_json=False)


class WrongInThatLayer(Magnitude):
    def select(self, layer: Layer, n: int) -> Tensor:
        return super().select(layer, n if layer.weight.shape != (37, 41) else max(0, n - 1))


def test_a_plugin_is_judged_on_the_layers_of_the_training_that_it_is_checked_for() -> None:
    assert check_criterion(WrongInThatLayer(), 3, partners=GROWTH, quick=True) is None
    with pytest.raises(ContractError) as error:
        check_criterion(WrongInThatLayer(), 3, partners=[], like=Circumstances(((37, 41), (5, 3)), density=0.2))
    assert error.value.property == "exact_count"
    assert "drawn_case" in error.value.result.code


def test_a_third_plugin_that_cannot_be_imported_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {"gone": "criterion 'gone' (gone:Gone) cannot be imported"}
    monkeypatch.setattr("criteria.contract.command.problems", lambda kind: gone)
    monkeypatch.setattr("criteria.contract.command.usable", lambda kind: [] if kind == "schedule" else ["random"])
    assert main([], all_=True, max_examples=2, as_json=False, quick=True) == 0
    printed = capsys.readouterr()
    assert "left out: criterion 'gone' (gone:Gone) cannot be imported" in printed.err
    assert "criterion random: " in printed.out
