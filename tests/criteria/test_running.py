import io
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import criteria
from criteria import InputError, Layer
from tests.criteria.layer_strategies import layers, seeded, tensors, unhurried

RUNNING = {"running_magnitude": "magnitude", "running_snip": "snip"}
MASK = torch.tensor([True, True, True, False])


def layer_at(step, mask=MASK, name="fc1"):
    """Different weights and gradients at every step."""
    generator = seeded(step)
    weight = torch.randn(4, generator=generator) * mask
    return Layer(name, weight, torch.randn(4, generator=generator), mask, step)


@pytest.mark.parametrize(("name", "of"), RUNNING.items())
def test_the_score_is_the_exponential_moving_average(name, of):
    running, plain = criteria.load(name, beta=0.8), criteria.load(of)
    for step in range(4):
        running.observe(layer_at(step))
    first, second, third, fourth = (plain.score(layer_at(step)) for step in range(4))
    expected = 0.8**3 * first + 0.2 * (0.8**2 * second + 0.8 * third + fourth)
    torch.testing.assert_close(running.score(layer_at(9)), expected)


@pytest.mark.parametrize(("name", "of"), RUNNING.items())
def test_before_anything_is_observed_it_is_the_plain_criterion(name, of):
    layer = layer_at(0)
    assert torch.equal(criteria.load(name).score(layer), criteria.load(of).score(layer))
    assert torch.equal(criteria.load(name).select(layer, 2), criteria.load(of).select(layer, 2))


@pytest.mark.parametrize(("name", "of"), RUNNING.items())
def test_the_average_starts_anew_when_the_mask_changes(name, of):
    running, plain = criteria.load(name), criteria.load(of)
    grown = torch.tensor([True, False, True, True])
    for step in range(3):
        running.observe(layer_at(step))
    assert torch.equal(running.score(layer_at(3, grown)), plain.score(layer_at(3, grown)))
    running.observe(layer_at(3, grown))
    running.observe(layer_at(4, grown))
    expected = 0.9 * plain.score(layer_at(3, grown)) + 0.1 * plain.score(layer_at(4, grown))
    torch.testing.assert_close(running.score(layer_at(9, grown)), expected)


@pytest.mark.parametrize(("beta", "step"), [(0.0, 4), (1.0, 0)])
def test_beta_zero_keeps_the_latest_score_and_beta_one_the_first(beta, step):
    running = criteria.load("running_snip", beta=beta)
    for each in range(5):
        running.observe(layer_at(each))
    assert torch.equal(running.score(layer_at(9)), criteria.load("snip").score(layer_at(step)))


def test_layers_are_told_apart_by_name():
    running = criteria.load("running_magnitude", beta=0.0)
    running.observe(layer_at(1, name="fc1"))
    running.observe(layer_at(2, name="fc2"))
    assert torch.equal(running.score(layer_at(9, name="fc1")), layer_at(1).weight.abs())


def test_what_a_layer_of_another_shape_showed_under_the_same_name_is_not_used():
    running = criteria.load("running_magnitude")
    running.observe(layer_at(1))
    wider = Layer("fc1", torch.ones(2, 4), None, torch.ones(2, 4, dtype=torch.bool))
    assert torch.equal(running.score(wider), torch.ones(2, 4))
    running.observe(replace(wider, mask=torch.stack([MASK, MASK])))
    assert running.score(layer_at(2)).shape == (4,)


def test_selecting_changes_nothing_that_was_observed():
    running = criteria.load("running_magnitude")
    running.observe(layer_at(1))
    first = running.select(layer_at(2), 1)
    running.select(layer_at(3), 2)
    assert torch.equal(running.select(layer_at(2), 1), first)
    running.observe(layer_at(2))
    torch.testing.assert_close(
        running.score(layer_at(9)), 0.9 * layer_at(1).weight.abs() + 0.1 * layer_at(2).weight.abs()
    )


def test_tensors_that_the_training_changes_in_place_are_not_kept():
    running = criteria.load("running_magnitude")
    layer = layer_at(1)
    expected = layer.weight.abs()
    layer = replace(layer, mask=MASK.clone())
    running.observe(layer)
    layer.weight.add_(5)
    layer.mask.zero_()
    assert torch.equal(running.score(layer_at(9)), expected)


@pytest.mark.parametrize("name", RUNNING)
@unhurried
@given(st.lists(st.booleans(), max_size=6), st.lists(st.booleans(), min_size=1, max_size=6))
def test_a_saved_and_loaded_criterion_goes_on_as_if_nothing_had_happened(name, before, after):
    other = torch.tensor([True, False, True, True])

    def observe_all(criterion, flips, start):
        for step, flip in enumerate(flips, start):
            criterion.observe(layer_at(step, other if flip else MASK))

    running, loaded = criteria.load(name), criteria.load(name)
    observe_all(running, before, 0)
    file = io.BytesIO()
    torch.save(running.state_dict(), file)
    file.seek(0)
    observe_all(running, after, 10)
    loaded.load_state_dict(torch.load(file, weights_only=True))
    observe_all(loaded, after, 10)
    for mask in (MASK, other):
        assert torch.equal(running.score(layer_at(99, mask)), loaded.score(layer_at(99, mask)))


@unhurried
@given(layers(), st.data(), st.sampled_from([0.0, 0.3, 0.9, 1.0]))
def test_finite_weights_and_gradients_never_average_to_nan(layer, data, beta):
    weights, grads = (data.draw(tensors((3, *layer.mask.shape), layer.weight.dtype)) for _ in range(2))
    for name in RUNNING:
        running = criteria.load(name, beta=beta)
        for weight, grad in zip(weights, grads, strict=True):
            running.observe(replace(layer, weight=weight * layer.mask, grad=grad))
        assert running.score(layer).isfinite().all()


def test_a_beta_that_cannot_be_is_refused():
    with pytest.raises(InputError, match=r"running_snip.*beta must be between 0 and 1, not 1\.5"):
        criteria.load("running_snip(beta=1.5)")
