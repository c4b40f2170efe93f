"""Broken plugins do not get past the contract, and right ones are not blamed, at as many seeds as ``--seeds`` says.

Each fault is shown by a demonstration first, so that no plugin is called broken that is not, and no right plugin may
show any fault: the judge is judged by what does not share its code.
"""

from collections.abc import Callable
from functools import partial

import pytest

from criteria import Criterion, Growth, load, names
from criteria.contract.case import drawn_case
from criteria.contract.sameness import same_after_other_questions
from tests.contract.attack import named_broken, named_right
from tests.contract.broken import EXPECT, KIND_OF, KINDS, aliasing, counts, growths, hidden, positions, reads, saving
from tests.contract.broken import settings as settings_of_the_process
from tests.contract.broken.shown import IN_ANOTHER_PROCESS, SHOWN_BY, answers_in_a_fresh_process
from tests.contract.demonstrations import answers, settings, surroundings, training
from tests.contract.demonstrations import saving as of_saving
from tests.contract.demonstrations.layers import Make
from tests.contract.right import ALL_RIGHT
from tests.contract.right.selections import FoldsInTheName

QUICK_EXAMPLES, QUICK_RIGHT_EXAMPLES, EXAMPLES = 25, 10, 100
SLOW = (answers.prefers_positions, surroundings.differs_elsewhere)
"""Demonstrations that take seconds."""
SHOWN = [(demonstration, cls) for demonstration, classes in SHOWN_BY.items() for cls in classes]
FAULTS_OF_ALL: tuple[Callable[[Make], bool], ...] = (
    *(answers.fails_or_miscounts, answers.selects_elsewhere, answers.gives_nan, answers.reads_undeclared),
    *(answers.minds_positions, answers.minds_the_dtype, partial(answers.prefers_positions, draws=400)),
    *(settings.changes_a_setting, settings.changes_the_layer, surroundings.differs_elsewhere),
    *(surroundings.differs_after_calls, surroundings.hands_out_what_it_writes_over),
    *(surroundings.draws_on_the_layers_device, surroundings.draws_by_the_first_seed),
    *(surroundings.differs_without_assertions, training.replays_otherwise, training.resumes_otherwise),
)
FAULTS_OF_CRITERIA: tuple[Callable[[Make], bool], ...] = (
    *(answers.reads_inactive, surroundings.cannot_be_saved, training.ignores_what_it_saw, training.mixes_up_layers),
    *(training.depends_on_the_order_of_layers, of_saving.shares_a_loaded_state, of_saving.saves_few_of_many),
)
INSTALLED = tuple(type(load(name, kind)) for kind in ("criterion", "growth") for name in names(kind))
SEEN_AT_ONCE = (
    *(settings_of_the_process.SeedsPythonWhileObserving, hidden.TiresAfterManyCalls, aliasing.StateByAddress),
    *(saving.SavesADataclass, counts.EpsilonOfFloat64, positions.BisectsAndTrims, reads.CentresEachUnit),
    growths.OnlyWhereThereIsAGradient,
)
"""A broken plugin of each kind whose fault few examples show, for the quick tests."""


def called(value: object) -> str:
    function = value.func if isinstance(value, partial) else value
    return getattr(function, "__name__", str(value))


def faults_of(cls: type) -> list[str]:
    """The demonstrations that show a fault of the plugin."""
    shows = FAULTS_OF_ALL + (FAULTS_OF_CRITERIA if issubclass(cls, Criterion) else ())
    return [called(demonstration) for demonstration in shows if demonstration(cls)]


def test_the_collections_are_as_large_as_promised() -> None:
    assert len(EXPECT) >= 70
    assert len(ALL_RIGHT) >= 35
    assert all(len(classes) >= 8 for classes in KINDS.values())
    assert sum(issubclass(cls, Growth) for cls in ALL_RIGHT) >= 8


def test_every_broken_plugin_has_a_demonstration() -> None:
    assert {cls for _, cls in SHOWN} | {*IN_ANOTHER_PROCESS} == EXPECT.keys()


@pytest.mark.parametrize(
    ("demonstration", "cls"),
    [pytest.param(*each, marks=[pytest.mark.long] if each[0] in SLOW else []) for each in SHOWN],
    ids=called,
)
def test_the_fault_shows_without_the_contract(demonstration: Callable[[Make], bool], cls: type) -> None:
    with surroundings.restored(("default device",)):
        assert demonstration(cls)


@pytest.mark.long
def test_answers_that_differ_between_processes_do() -> None:
    for cls in IN_ANOTHER_PROCESS:
        assert answers_in_a_fresh_process((cls,), 1) != answers_in_a_fresh_process((cls,), 2)


@pytest.mark.long
def test_right_plugins_answer_alike_in_all_processes() -> None:
    right = (*INSTALLED, *ALL_RIGHT)
    assert answers_in_a_fresh_process(right, 1) == answers_in_a_fresh_process(right, 2)


@pytest.mark.parametrize("cls", [INSTALLED[2], ALL_RIGHT[0], ALL_RIGHT[-1]], ids=called)
def test_a_right_plugin_shows_no_fault(cls: type) -> None:
    assert faults_of(cls) == []


@pytest.mark.long
@pytest.mark.parametrize("cls", [*INSTALLED, *ALL_RIGHT], ids=called)
def test_no_right_plugin_shows_a_fault(cls: type) -> None:
    assert faults_of(cls) == []


@pytest.mark.parametrize("cls", SEEN_AT_ONCE, ids=called)
def test_a_broken_plugin_of_each_kind_is_named_by_few_examples(cls: type) -> None:
    assert named_broken(cls, QUICK_EXAMPLES, 0).any_of(EXPECT[cls])


@pytest.mark.parametrize("cls", ALL_RIGHT[::24], ids=called)
def test_a_right_plugin_is_not_blamed(cls: type) -> None:
    assert named_right(cls, QUICK_RIGHT_EXAMPLES, 0).first == ""


def test_who_decides_between_two_equal_weights_by_the_name_is_not_blamed_for_it() -> None:
    """It gives one of two answers to every name, so a few names may get the same by chance."""
    for seed in range(100):
        same_after_other_questions(FoldsInTheName(), drawn_case((2,), active=2, n=1, seed=seed, values="equal"))


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_broken_plugins_are_named_at_any_seed(kind: str, attack_seed: int) -> None:
    got_past = {
        cls.__name__: answer.first or "nothing"
        for cls, right in KINDS[kind].items()
        if not (answer := named_broken(cls, EXAMPLES, attack_seed)).any_of(right)
    }
    assert got_past == {}, f"{len(got_past)} of {len(KINDS[kind])} got past"


@pytest.mark.long
@pytest.mark.parametrize("cls", ALL_RIGHT, ids=called)
def test_no_right_plugin_is_blamed_at_any_seed(cls: type, attack_seed: int) -> None:
    assert named_right(cls, EXAMPLES, attack_seed).first == ""


def test_the_quick_tests_have_one_broken_plugin_of_each_kind() -> None:
    assert [KIND_OF[cls] for cls in SEEN_AT_ONCE] == list(KINDS)


def test_every_broken_plugin_has_one_kind() -> None:
    assert len(KIND_OF) == sum(len(classes) for classes in KINDS.values())
