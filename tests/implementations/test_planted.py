"""Every broken training is caught by the name of what it breaks, and right ones pass."""

import pytest
from hypothesis import Phase, settings

from criteria import InputError
from criteria.contract import ContractError
from criteria.contract.implementations import PROMISES, Step, TrainingCase, check_training, report_training, run_case
from tests.implementations.planted import BUGS, DENSITY, FRACTION, PERIOD, RIGHT, MasksNotInState, Plain

DECLARED = {"update_period": PERIOD, "density": DENSITY, "prune_fraction": FRACTION}


@pytest.fixture
def quick():
    """Bugs are found, and not made as small as they can be."""
    before = settings.get_current_profile_name()
    settings.register_profile("no shrinking", settings(), phases=[Phase.generate])
    settings.load_profile("no shrinking")
    yield
    settings.load_profile(before)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: f"{bug.make.__name__}-{bug.property}")
def test_a_planted_bug_is_caught_by_name(bug):
    ranks = ("ranks",) if bug.property == "equal_on_ranks" else ()
    situations = {"situations": ("accumulation", "skipped", "fused", *ranks)}
    with pytest.raises(ContractError) as caught:
        check_training(bug.make, examples=40, **{**DECLARED, **situations, **bug.declared})
    assert caught.value.property == bug.property
    assert PROMISES[bug.property] in str(caught.value)


def test_every_promise_has_a_bug_that_breaks_it():
    assert {bug.property for bug in BUGS} == set(PROMISES)
    assert len(BUGS) >= 20


@pytest.mark.parametrize(("make", "declared"), RIGHT, ids=lambda part: getattr(part, "__name__", ""))
def test_a_right_training_passes(make, declared):
    check_training(make, examples=25, **{**DECLARED, **declared})


def test_a_counterexample_is_code_that_shows_it_again():
    results = report_training(MasksNotInState, examples=20, **{**DECLARED, "situations": ()})
    broken = next(result for result in results if result.outcome == "broken")
    assert broken.property == "checkpoint_replay"
    assert "from tests.implementations.planted import MasksNotInState" in broken.code
    with pytest.raises(ContractError) as again:
        exec(broken.code, {})
    assert again.value.property == "checkpoint_replay"
    assert again.value.result.reason == broken.reason


def test_a_counterexample_is_small():
    results = report_training(MasksNotInState, examples=20, **{**DECLARED, "situations": ()})
    (broken,) = (result for result in results if result.outcome == "broken")
    assert broken.code.count("Step(") <= PERIOD + 1
    assert "network='perceptron'" in broken.code


def test_a_right_training_survives_the_case_that_breaks_another():
    case = TrainingCase("perceptron", (2,), "momentum", (Step(),) * 4, saved_after=4)
    run_case(Plain, case, **DECLARED)
    with pytest.raises(ContractError):
        run_case(MasksNotInState, case, **DECLARED)


def test_an_expected_failure_passes_and_an_unexpected_pass_fails():
    how = {**DECLARED, "situations": (), "examples": 15}
    check_training(MasksNotInState, expected_failures={"checkpoint_replay": "its masks are not in the state"}, **how)
    with pytest.raises(ContractError, match="it is kept, though a failure was expected: old news") as caught:
        check_training(Plain, expected_failures={"checkpoint_replay": "old news"}, **how)
    assert caught.value.property == "checkpoint_replay"


def test_a_new_failure_beside_an_expected_one_fails():
    how = {**DECLARED, "situations": (), "examples": 15, "density": 0.9}
    with pytest.raises(ContractError) as caught:
        check_training(MasksNotInState, expected_failures={"checkpoint_replay": "known"}, **how)
    assert caught.value.property == "density_preserved"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"expected_failures": {"speed": ""}}, "there is no promise 'speed'; there are: density_preserved"),
        ({"period": 3}, "'period' cannot be declared; it can be: density"),
        ({"networks": ("lenet",)}, "there is no network 'lenet'; there are: perceptron"),
        ({"optimizers": ("lion",)}, "there is no optimizer 'lion'"),
    ],
)
def test_what_cannot_be_declared_is_refused_in_one_line(how, message):
    with pytest.raises(InputError, match=message):
        check_training(Plain, **how)


def test_what_was_not_declared_is_not_checked():
    results = {r.property: r for r in report_training(Plain, examples=3, update_period=PERIOD, situations=())}
    assert results["no_resurrection"].outcome == "not checked"
    assert results["equal_on_ranks"].outcome == "not checked"


def test_an_implementation_that_has_other_names_or_no_masks_is_told_so():
    class Nameless(Plain):
        def masks(self):
            return {f"my.{name}": mask for name, mask in self.mask.items()}

    class Empty(Plain):
        def masks(self):
            return {}

    for make, message in (
        (Nameless, "belongs to no parameter of this name and shape"),
        (Empty, "masks\\(\\) is empty"),
    ):
        with pytest.raises(ContractError, match=message) as caught:
            check_training(make, examples=5, **{**DECLARED, "situations": ()})
        assert caught.value.property == "density_preserved"


def test_a_training_that_diverges_is_nobodys_fault():
    """Infinity times a mask's zero is no number."""
    case = TrainingCase("perceptron", (2,), "sgd", (Step(scale=1000), *(Step(scale=1e36),) * 3))
    model = case.model()
    optimizer = case.optimizer_of(model)
    for number in range(4):
        optimizer.zero_grad()
        case.backward(model, number)
        optimizer.step()
    assert not all(weight.isfinite().all() for weight in model.parameters())
    run_case(Plain, case, **DECLARED)
