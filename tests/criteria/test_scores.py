from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch.nn.functional import cross_entropy

import criteria
from criteria import InputError, Layer
from tests.criteria.layer_strategies import layers, seeded, unhurried

DTYPES = [torch.bfloat16, torch.float16, torch.float32, torch.float64]


@unhurried
@given(st.sampled_from(DTYPES).flatmap(lambda dtype: layers(dtype=dtype)))
def test_finite_layers_never_score_nan(layer):
    scores = {name: criteria.load(name).score(layer) for name in criteria.names()}
    assert [name for name, score in scores.items() if score.isnan().any()] == []


@pytest.mark.parametrize("name", ["sensitivity", "reciprocal_sensitivity"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_zero_over_zero_is_the_lowest_ratio_also_without_epsilon(name, dtype):
    zero = torch.zeros(3, dtype=dtype)
    layer = Layer("fc1", zero, zero, torch.ones(3, dtype=torch.bool))
    assert criteria.load(name, epsilon=0.0).score(layer).tolist() == [0, 0, 0]
    assert criteria.load(name).score(layer).tolist() == [0, 0, 0]


def pruned_by(spec, weight, grad, n):
    weight = torch.tensor(weight)
    pruned = criteria.load(spec).select(Layer("fc1", weight, torch.tensor(grad), weight != 0), n)
    return pruned.nonzero().squeeze(1).tolist()


def test_snip_signed_prunes_first_what_it_lowers_the_loss_to_remove():
    assert pruned_by("snip_signed", [1.0, 1.0, -1.0, 2.0], [-3.0, 2.0, 4.0, 1.5], 2) == [1, 3]


def test_grad_step_prunes_what_the_next_step_would_bring_closest_to_zero():
    assert pruned_by("grad_step", [1.0, 2.0, 3.0], [-1.0, 2.0, 1.0], 1) == [1]
    assert pruned_by("grad_step(gamma=0.1)", [1.0, 2.0, 3.0], [-1.0, 2.0, 1.0], 1) == [0]


@pytest.mark.parametrize(("n", "pruned"), [(1, [0]), (2, [0, 4]), (3, [0, 1, 4]), (5, [0, 1, 2, 3, 4])])
def test_snip_half_prunes_from_both_ends_and_an_odd_one_from_the_lowest(n, pruned):
    assert pruned_by("snip_half", [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, -1.0, 1.0, -1.0, 1.0], n) == pruned


def test_snip_half_never_takes_a_weight_from_both_ends():
    layer = Layer("fc1", torch.ones(7), torch.zeros(7), torch.ones(7, dtype=torch.bool))
    for seed in range(20):
        assert criteria.load("snip_half").select(replace(layer, generator=seeded(seed)), 5).sum() == 5


def test_grasp_scores_how_fast_the_gradient_flow_shrinks_with_the_weight():
    generator = seeded(0)
    first, second = (torch.randn(shape, generator=generator).double() for shape in ((5, 4), (3, 5)))
    inputs = torch.randn(8, 4, generator=generator).double()
    targets = torch.randint(3, (8,), generator=generator)
    temperature = 2.0

    def gradients(first, second, create_graph=False):
        logits = torch.tanh(inputs @ first.T) @ second.T
        return torch.autograd.grad(
            cross_entropy(logits / temperature, targets), (first, second), None, create_graph=create_graph
        )

    def product(asked):
        assert asked == temperature
        weights = (first.clone().requires_grad_(), second)
        weights[1].requires_grad_()
        flow = gradients(*weights, create_graph=True)
        return torch.autograd.grad(sum((g * g.detach()).sum() for g in flow), weights[0])[0]

    def flow_norm(changed):
        flow = gradients(changed.clone().requires_grad_(), second.clone().requires_grad_())
        return sum(g.square().sum() for g in flow)

    layer = Layer("fc1", first, None, torch.ones(5, 4, dtype=torch.bool), hessian_gradient=product)
    score = criteria.load("grasp", temperature=temperature).score(layer)
    step = 1e-6
    for position in range(first.numel()):
        shrunk, grown = first.clone(), first.clone()
        shrunk.view(-1)[position] *= 1 - step
        grown.view(-1)[position] *= 1 + step
        slope = (flow_norm(grown) - flow_norm(shrunk)) / (2 * step)
        torch.testing.assert_close(2 * score.flatten()[position], slope, rtol=1e-5, atol=1e-8)


def test_grasp_prunes_the_largest_of_its_negated_product_first():
    weight, product = torch.tensor([1.0, -1.0, 2.0, 0.0]), torch.tensor([1.0, 2.0, -3.0, 9.0])
    layer = Layer("fc1", weight, None, weight != 0, hessian_gradient=lambda _: product)
    assert criteria.load("grasp").select(layer, 1).tolist() == [False, False, True, False]


def test_only_grasp_asks_for_a_hessian_gradient_product():
    assert [name for name in criteria.names() if criteria.load(name).requires_hessian_gradient] == ["grasp"]


def test_grasp_without_a_product_says_so():
    layer = Layer("fc1", torch.ones(2), torch.ones(2), torch.ones(2, dtype=torch.bool))
    with pytest.raises(ValueError, match="layer fc1 has no Hessian-gradient product"):
        criteria.load("grasp").score(layer)


def test_grasp_refuses_a_temperature_that_means_nothing():
    with pytest.raises(InputError, match=r"grasp.*temperature must be above 0, not 0\.0"):
        criteria.load("grasp(temperature=0)")


@pytest.mark.parametrize("name", [name for name in criteria.names() if criteria.load(name).requires_grad])
def test_a_criterion_that_reads_the_gradient_says_where_there_is_none(name):
    layer = Layer("fc1", torch.ones(2), None, torch.ones(2, dtype=torch.bool))
    with pytest.raises(ValueError, match="layer fc1 has no"):
        criteria.load(name).score(layer)


def test_momentum_growth_takes_the_largest_momentum_of_either_sign():
    layer = Layer("fc1", torch.zeros(5), None, torch.tensor([True, False, False, False, False]))
    layer = replace(layer, momentum=torch.tensor([9.0, 0.1, -3.0, 2.0, 0.0]))
    grown = criteria.load("momentum", "growth").select(layer, 2, ~layer.mask)
    assert grown.tolist() == [False, False, True, True, False]


def test_momentum_growth_is_unbiased_before_the_first_optimizer_step():
    layer = Layer("fc1", torch.zeros(12), None, torch.arange(12) < 2)
    growth = criteria.load("momentum", "growth")
    times = sum(growth.select(replace(layer, generator=seeded(seed)), 3, ~layer.mask).double() for seed in range(1000))
    assert not times[layer.mask].any()
    assert chisquare(times[~layer.mask].numpy()).pvalue > 1e-6
