"""A training that is saved and loaded goes on as if nothing had happened."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import criteria
from criteria import Criterion, InputError, Rules, SparseTraining
from tests.own_loop.nets import OPTIMIZERS, attached, file_of_parts, perceptron, train

STEPS = 14


def bits(model, optimizer, sparse):
    tensors = [*model.state_dict().values(), *sparse.masks.values()]
    tensors += [v for state in optimizer.state.values() for v in state.values() if isinstance(v, torch.Tensor)]
    return [tensor.clone() for tensor in tensors]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([name for name in criteria.names() if name not in ("grasp", "wanda")]),
    st.sampled_from(criteria.names("growth")),
    st.sampled_from(list(OPTIMIZERS)),
    st.sampled_from(["local", "global", "global_prune"]),
    st.sampled_from(["keep", "reset", "mean"]),
    st.integers(0, STEPS),
)
def test_a_training_resumes_at_any_step_bit_for_bit(criterion, growth, optimizer, scope, momentum, at):
    assume(growth != "momentum" or optimizer not in ("sgd", "adagrad"))  # they have none, which is refused
    how = {"criterion": criterion, "growth": growth, "rules": Rules(scope, grown_momentum=momentum)}
    whole = attached(optimizer=optimizer, **how)
    train(*whole[:2], STEPS)
    first = attached(optimizer=optimizer, **how)
    train(*first[:2], at)
    states = file_of_parts(*first)
    second = attached(perceptron(seed=1), optimizer, seed=9, **how)  # another start: all has to come from the state
    for part, state in zip(second, states, strict=True):
        part.load_state_dict(state)
    train(*second[:2], STEPS - at, first=at)
    assert all(map(torch.equal, bits(*whole), bits(*second)))
    assert second[2].history == whole[2].history
    assert second[2].step == STEPS


def test_a_state_is_a_copy_and_plain():
    model, optimizer, sparse = attached(criterion="running_magnitude")
    train(model, optimizer, 4)
    state = sparse.state_dict()
    masks = {name: mask.clone() for name, mask in state["masks"].items()}
    train(model, optimizer, 6)
    assert all(torch.equal(mask, masks[name]) for name, mask in state["masks"].items())
    assert state["step"] == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("masks"), "the state of SparseTraining has no masks"),
        (lambda s: s.update(masks=3), "the state of SparseTraining has no masks"),
        (lambda s: s["masks"].pop("0.weight"), "there is no mask for weight 0.weight"),
        (lambda s: s["masks"].update(other=torch.ones(2)), "there is a mask, but no sparse weight other"),
        (lambda s: s["masks"].update({"0.weight": torch.ones(2)}), r"the mask of 0.weight has shape \(2,\)"),
        (lambda s: s.clear(), "the state of SparseTraining has no step"),
    ],
)
def test_a_state_without_its_masks_is_refused_and_changes_nothing(change, message):
    model, optimizer, sparse = attached()
    train(model, optimizer, 4)
    state = sparse.state_dict()
    change(state)
    before = bits(model, optimizer, sparse)
    with pytest.raises(InputError, match=message):
        sparse.load_state_dict(state)
    assert all(map(torch.equal, bits(model, optimizer, sparse), before))
    assert sparse.step == 4


def test_what_another_criterion_growth_or_correction_kept_is_refused_and_changes_nothing():
    model, optimizer, sparse = attached(criterion="running_magnitude")
    train(model, optimizer, 4)
    state = sparse.state_dict()
    before = bits(model, optimizer, sparse)
    for other in ({"criterion": "magnitude"}, {"criterion": "running_magnitude", "growth": "random"}):
        _, _, second = attached(model=perceptron(), **other)
        with pytest.raises(InputError, match=r"and this training has .*; give the masks alone"):
            second.load_state_dict(state)
    state["history"].append({"moment": 3})
    with pytest.raises(InputError, match="has a record that is none"):
        sparse.load_state_dict(state)
    assert all(map(torch.equal, bits(model, optimizer, sparse), before))


def test_a_state_is_refused_where_attaching_has_cut_down_the_weights_that_were_loaded():
    model, optimizer, sparse = attached()
    train(model, optimizer, 12)
    states = file_of_parts(model, optimizer, sparse)
    again = perceptron(seed=1)
    again.load_state_dict(states[0])
    _, _, second = attached(again, seed=9)
    with pytest.raises(InputError, match="were set to zero when the training was attached; load the model after"):
        second.load_state_dict(states[2])
    again.load_state_dict(states[0])
    second.load_state_dict(states[2])
    assert all(map(torch.equal, second.masks.values(), sparse.masks.values()))


@pytest.mark.parametrize("at", [0, 3, 12])
def test_what_is_loaded_after_attaching_may_come_in_any_order(at):
    model, optimizer, sparse = attached()
    train(model, optimizer, at)
    states = file_of_parts(model, optimizer, sparse)
    for order in ((0, 1, 2), (2, 1, 0)):
        parts = attached(perceptron(seed=1), seed=9)
        for index in order:
            parts[index].load_state_dict(states[index])
        assert all(map(torch.equal, bits(*parts), bits(model, optimizer, sparse)))


@dataclass
class Held(Criterion):
    how: Callable

    def score(self, layer):
        return self.how(layer.weight)


class Written(Criterion):
    """Its class writes nothing of its own, so Python would write its address."""

    def score(self, layer):
        return layer.weight.abs()


def test_a_criterion_that_would_be_written_by_its_address_goes_on_from_its_state():
    _, _, sparse = attached(criterion=Written())
    _, _, again = attached(criterion=Written())
    again.load_state_dict(sparse.state_dict())
    assert all(map(torch.equal, again.masks.values(), sparse.masks.values()))


def test_a_criterion_that_holds_a_function_goes_on_from_its_state_in_another_process():
    """Python would write the function's address."""
    states = []
    for _ in range(2):
        how = eval("lambda weight: weight.abs()")
        _, _, sparse = attached(criterion=Held(how))
        states.append(sparse.state_dict()["rules"])
    assert states[0] == states[1]


def test_a_training_is_not_copied_without_its_optimizer():
    _, _, sparse = attached()
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(InputError, match=r"cannot be copied or pickled; .* state=sparse.state_dict\(\)"):
            copied(sparse)


def test_a_training_that_is_attached_after_the_weights_were_loaded_takes_its_state_with_it():
    """New masks would cut down the weights that were loaded."""
    whole = attached()
    train(*whole[:2], 12)
    first = attached()
    train(*first[:2], 7)
    model_state, optimizer_state, state = file_of_parts(*first)
    model = perceptron(seed=1)
    model.load_state_dict(model_state)
    optimizer = OPTIMIZERS["momentum"](model.parameters())
    optimizer.load_state_dict(optimizer_state)
    sparse = SparseTraining(model, optimizer, density=0.3, update_period=3, total_steps=60, seed=8, state=state)
    train(model, optimizer, 5, first=7)
    assert all(map(torch.equal, bits(*whole), bits(model, optimizer, sparse)))
    with pytest.raises(InputError, match="the state of SparseTraining has no step"):
        attached(state={})
