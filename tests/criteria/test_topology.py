import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import criteria
from criteria import Criterion, Growth, Layer, update_topology
from tests.criteria.layer_strategies import layers, prune_fractions, seeded, unhurried

criterion_names = st.sampled_from(criteria.names())
growth_names = st.sampled_from(criteria.names("growth"))
rules = st.sampled_from(["forbid", "allow", "restart"])


def copied(layer):
    """The same layer with tensors and a generator of its own."""
    tensors = {key: getattr(layer, key).clone() for key in ("weight", "grad", "mask")}
    generator = torch.Generator()
    generator.set_state(layer.generator.get_state())
    return replace(layer, **tensors, generator=generator)


@unhurried
@given(layers(), criterion_names, growth_names, prune_fractions, rules)
def test_an_update_keeps_the_number_of_active_weights(layer, criterion, growth, prune_fraction, rule):
    outcome = update_topology(layer, criteria.load(criterion), criteria.load(growth, "growth"), prune_fraction, rule)
    assert outcome.mask.sum() == layer.mask.sum()
    assert torch.equal(outcome.mask, (layer.mask & ~outcome.pruned) | outcome.grown)


@unhurried
@given(layers(), criterion_names, growth_names, prune_fractions)
def test_nothing_pruned_comes_back_unless_that_is_allowed(layer, criterion, growth, prune_fraction):
    active, total = int(layer.mask.sum()), layer.mask.numel()
    outcome = update_topology(layer, criteria.load(criterion), criteria.load(growth, "growth"), prune_fraction)
    n = min(math.ceil(prune_fraction * active), total - active)
    assert outcome.pruned.sum() == outcome.grown.sum() == n
    assert not (outcome.pruned & ~layer.mask).any()
    assert not (outcome.grown & layer.mask).any()
    assert not (outcome.pruned & outcome.mask).any()


@unhurried
@given(layers(), criterion_names, growth_names, prune_fractions)
def test_with_resurrection_the_whole_fraction_is_pruned_at_every_density(layer, criterion, growth, prune_fraction):
    plugins = criteria.load(criterion), criteria.load(growth, "growth")
    again = copied(layer)
    outcome = update_topology(layer, *plugins, prune_fraction, "allow")
    assert torch.equal(outcome.mask, update_topology(again, *plugins, prune_fraction, "restart").mask)
    assert outcome.pruned.sum() == outcome.grown.sum() == math.ceil(prune_fraction * int(layer.mask.sum()))
    assert not (outcome.grown & layer.mask & ~outcome.pruned).any()


@unhurried
@given(layers(), criterion_names, growth_names, prune_fractions, rules)
def test_an_update_changes_no_tensor_and_repeats_from_the_same_generator(layer, criterion, growth, fraction, rule):
    plugins = criteria.load(criterion), criteria.load(growth, "growth")
    before, again = copied(layer), copied(layer)
    first = update_topology(layer, *plugins, fraction, rule)
    second = update_topology(again, *plugins, fraction, rule)
    assert all(torch.equal(getattr(first, part), getattr(second, part)) for part in ("mask", "pruned", "grown"))
    assert all(torch.equal(getattr(layer, key), getattr(before, key)) for key in ("weight", "grad", "mask"))


@pytest.mark.parametrize("criterion", criteria.names())
def test_a_dense_layer_keeps_its_weights(criterion):
    weight = torch.randn(4, 3, generator=seeded(0))
    dense = torch.ones(4, 3, dtype=torch.bool)
    layer = Layer("fc1", weight, weight, dense, hessian_gradient=lambda _: weight, input_norm=weight.abs())
    outcome = update_topology(layer, criteria.load(criterion), criteria.load("random", "growth"), 1.0)
    assert outcome.mask.all()
    assert not outcome.pruned.any()


def test_gradient_growth_undoes_pruning_only_where_resurrection_is_allowed():
    weight, grad = torch.tensor([0.1, 2.0, 0.0, 0.0]), torch.tensor([9.0, 1.0, 3.0, 2.0])
    layer = Layer("fc1", weight, grad, weight != 0)
    plugins = criteria.load("magnitude"), criteria.load("gradient", "growth")
    assert update_topology(layer, *plugins, 0.5, "allow").mask.tolist() == [True, True, False, False]
    assert update_topology(layer, *plugins, 0.5, "forbid").mask.tolist() == [False, True, True, False]


def broken(base, *selected):
    return type("Broken", (base,), {"select": lambda *_: torch.tensor(selected).bool()})()


@pytest.mark.parametrize(
    ("criterion", "growth", "message"),
    [
        (broken(Criterion, 1, 1, 0, 0), None, "criterion Broken selected 2 positions of layer fc1; 1 allowed"),
        (
            broken(Criterion, 0, 0, 1, 0),
            None,
            "criterion Broken selected 1 positions of layer fc1, 1 of them not allowed",
        ),
        (None, broken(Growth, 0, 0, 1, 1), "growth Broken selected 2 positions of layer fc1; 1 allowed"),
        (
            None,
            broken(Growth, 1, 0, 0, 0),
            "growth Broken selected 1 positions of layer fc1, 1 of them not allowed",
        ),
    ],
    ids=["too many pruned", "inactive pruned", "too many grown", "active grown"],
)
def test_a_plugin_that_would_change_the_density_is_named(criterion, growth, message):
    weight = torch.tensor([1.0, 2.0, 0.0, 0.0])
    plugins = criterion or criteria.load("magnitude"), growth or criteria.load("random", "growth")
    with pytest.raises(ValueError, match=message):
        update_topology(Layer("fc1", weight, None, weight != 0), *plugins, 0.5)
