"""The field's rules beside the paper: what each chooses, against a slow and obvious computation of it."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from criteria import InputError, Layer, load
from tests.criteria.layer_strategies import seeded, seeds, unhurried


def layer_of(mask, weight=None, grad=None, seed=0):
    weight = torch.ones(mask.shape) * mask if weight is None else weight
    return Layer("fc1", weight, grad, mask, generator=seeded(seed))


@unhurried
@given(st.integers(1, 5), st.integers(1, 5), seeds)
def test_relative_importance_is_the_share_of_both_units(outputs, inputs, seed):
    mask = torch.rand(outputs, inputs, generator=seeded(seed)) < 0.6
    weight = torch.randn(outputs, inputs, generator=seeded(seed + 1)) * mask
    score = load("relative_importance").score(layer_of(mask, weight))
    size = weight.abs()
    for row, column in mask.nonzero().tolist():
        wanted = size[row, column] / size[row].sum() + size[row, column] / size[:, column].sum()
        torch.testing.assert_close(score[row, column].float(), wanted)


def test_of_two_weights_soft_magnitude_keeps_each_as_often_as_its_share():
    weight, mask = torch.tensor([3.0, 1.0]), torch.tensor([True, True])
    kept = sum(bool(load("soft_magnitude").select(layer_of(mask, weight, seed=seed), 1)[1]) for seed in range(2000))
    assert kept / 2000 == pytest.approx(0.75, abs=5 * math.sqrt(0.75 * 0.25 / 2000))


def test_set_each_sign_prunes_the_same_fraction_of_the_positive_and_of_the_negative_weights():
    weight = torch.cat([torch.arange(1.0, 71.0), -torch.arange(1.0, 31.0)])[torch.randperm(100, generator=seeded(1))]
    pruned = load("set_each_sign").select(layer_of(torch.ones(100, dtype=torch.bool), weight), 30)
    assert sorted(weight[pruned].tolist()) == [*range(-9, 0), *range(1, 22)]
    half = load("set").select(layer_of(torch.ones(100, dtype=torch.bool), weight), 30)
    assert sorted(weight[half].tolist()) == [*range(-15, 0), *range(1, 16)]


def test_with_a_large_exponent_soft_magnitude_is_magnitude():
    weight = torch.randperm(50, generator=seeded(1)).float().add(1)
    layer = layer_of(torch.ones(50, dtype=torch.bool), weight)
    pruned = load("soft_magnitude(exponent=10000)").select(layer, 20)
    assert torch.equal(pruned, load("magnitude").select(layer, 20))


@unhurried
@given(st.integers(1, 5), st.integers(1, 5), seeds)
def test_cannistraci_hebb_counts_the_paths_over_three_links(outputs, inputs, seed):
    """For i and v: the units on all paths i – u – j – v, each once, by how few links lead elsewhere."""
    mask = torch.rand(outputs, inputs, generator=seeded(seed)) < 0.5
    score = load("cannistraci_hebb", "growth").score(layer_of(mask))
    of_output = [set(row.nonzero().flatten().tolist()) for row in mask]
    of_input = [set(column.nonzero().flatten().tolist()) for column in mask.T]
    for i, v in itertools.product(range(outputs), range(inputs)):
        if mask[i, v]:
            continue
        first = [j for j in of_input[v] if of_output[j] & of_output[i]]
        second = [u for u in of_output[i] if of_input[u] & of_input[v]]
        wanted = sum(1 / (1 + max(0, len(of_output[j] - of_output[i]) - 1)) for j in first)
        wanted += sum(1 / (1 + max(0, len(of_input[u] - of_input[v]) - 1)) for u in second)
        assert float(score[i, v]) == pytest.approx(wanted)


def test_guided_exploration_takes_the_largest_gradients_of_what_it_drew():
    mask = torch.zeros(1, 200, dtype=torch.bool)
    mask[0, :20] = True
    grad = torch.arange(200.0).view(1, 200)
    made = load("guided_exploration", "growth")
    for seed in range(20):
        grown = made.select(layer_of(mask, grad=grad, seed=seed), 5, ~mask)
        explored = layer_of(mask, grad=grad, seed=seed).uniform().masked_fill(mask, 2.0).flatten().argsort()[:20]
        assert set(grown.flatten().nonzero().flatten().tolist()) == set(explored.sort().values[-5:].tolist())


def test_when_it_draws_everything_guided_exploration_is_gradient_growth():
    mask = torch.rand(20, 20, generator=seeded(1)) < 0.3
    layer = layer_of(mask, grad=torch.randn(20, 20, generator=seeded(2)))
    grown = load("guided_exploration(subset=100)", "growth").select(layer, 30, ~mask)
    assert torch.equal(grown, load("gradient", "growth").select(layer, 30, ~mask))
    none = load("guided_exploration(subset=0)", "growth").select(layer, 30, ~mask)
    assert int(none.sum()) == 30


@pytest.mark.parametrize(
    ("spec", "kind"), [("soft_magnitude(exponent=-1)", "criterion"), ("guided_exploration(subset=-1)", "growth")]
)
def test_parameters_that_mean_nothing_are_refused(spec, kind):
    with pytest.raises(InputError, match="must be a number from 0"):
        load(spec, kind)


@unhurried
@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=5), seeds)
def test_dst_ee_adds_to_the_gradient_what_is_left_to_explore(masks, seed):
    growth, grad = load("dst_ee(c=0.3, epsilon=0.5)", "growth"), torch.randn(4, generator=seeded(seed))
    for update, mask in enumerate(map(torch.tensor, masks), start=1):
        layer = Layer("fc1", torch.ones(4) * mask, grad, mask, step=10 * update, generator=seeded(0))
        growth.score(Layer("fc2", torch.ones(4), grad, torch.ones(4, dtype=torch.bool), step=10 * update))
        growth.select(layer, 0, ~mask)  # of one step only the first question counts
        wanted = [
            abs(float(grad[place])) + 0.3 * math.log(10 * update) / (sum(row[place] for row in masks[:update]) + 0.5)
            for place in range(4)
        ]
        torch.testing.assert_close(growth.score(layer), torch.tensor(wanted))


def test_dst_ee_grows_what_was_never_active_before_what_was():
    growth, grad = load("dst_ee", "growth"), torch.tensor([0.0, 2e-5, 1e-5, 0.0])
    growth.score(Layer("fc1", torch.ones(4), grad, torch.tensor([True, True, False, False]), step=10))
    mask = torch.tensor([True, False, False, False])
    later = Layer("fc1", torch.ones(4) * mask, grad, mask, step=20, generator=seeded(0))
    assert growth.select(later, 2, ~mask).tolist() == [False, False, True, True]
    assert load("gradient", "growth").select(later, 2, ~mask).tolist() == [False, True, True, False]


def test_dst_ee_starts_anew_with_a_layer_of_another_shape():
    growth = load("dst_ee(c=1, epsilon=1)", "growth")
    growth.score(Layer("fc1", torch.ones(3), torch.zeros(3), torch.ones(3, dtype=torch.bool), step=5))
    other = Layer("fc1", torch.ones(2), torch.zeros(2), torch.tensor([True, False]), step=6)
    torch.testing.assert_close(growth.score(other), math.log(6) / torch.tensor([2.0, 1.0]))


@pytest.mark.parametrize("spec", ["dst_ee(c=-1)", "dst_ee(epsilon=0)"])
def test_parameters_without_which_dst_ee_has_no_score_are_refused(spec):
    with pytest.raises(InputError, match="must be a number"):
        load(spec, "growth")
