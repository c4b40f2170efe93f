import math
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import criteria
from criteria import Criterion, Growth, InputError, Layer, Rules, update_layers, update_topology
from criteria.contract.asking import has_select
from criteria.global_scope import update_topology_globally
from criteria.normalisation import Normalisation
from tests.criteria.layer_strategies import layers, networks, prune_fractions, seeded, unhurried

criterion_names = st.sampled_from(criteria.names())
growth_names = st.sampled_from(criteria.names("growth"))
SELECT_THEMSELVES = [name for name in criteria.names() if has_select(criteria.load(name))]
"""They have no score that could be normalised."""
rules = st.sampled_from(["forbid", "allow", "restart"])
normalisations = st.none() | st.builds(
    Normalisation, st.sampled_from(["layer", "input", "output", "channel"]), st.sampled_from(["sum", "max"])
)


def network(*weights):
    """Layers fc0, fc1, … whose active weights are those that are not zero."""
    tensors = [torch.tensor(weight) for weight in weights]
    return [Layer(f"fc{i}", weight, weight.clone(), weight != 0) for i, weight in enumerate(tensors)]


def masks(outcomes):
    return [outcome.mask.int().tolist() for outcome in outcomes]


def total(tensors):
    return sum(int(tensor.sum()) for tensor in tensors)


@unhurried
@given(networks(), criterion_names, growth_names, prune_fractions, rules, normalisations)
def test_total_density_stays_and_no_layer_loses_its_last_weight(net, criterion, growth, fraction, rule, normalisation):
    assume(normalisation is None or criterion not in SELECT_THEMSELVES)
    plugins = criteria.load(criterion), criteria.load(growth, "growth")
    outcomes = update_topology_globally(net, *plugins, fraction, rule, normalisation)
    active, size = total(layer.mask for layer in net), sum(layer.mask.numel() for layer in net)
    n = min(math.ceil(fraction * active), active - len(net), size - active if rule == "forbid" else size)
    assert total(outcome.pruned for outcome in outcomes) == total(outcome.grown for outcome in outcomes) == n
    assert total(outcome.mask for outcome in outcomes) == active
    for layer, outcome in zip(net, outcomes, strict=True):
        assert outcome.mask.shape == layer.mask.shape
        assert torch.equal(outcome.mask, (layer.mask & ~outcome.pruned) | outcome.grown)
        assert not (outcome.pruned & ~layer.mask).any()
        assert (layer.mask & ~outcome.pruned).any()
        if rule == "forbid":
            assert not (outcome.grown & layer.mask).any()


@unhurried
@given(networks(), criterion_names, growth_names, prune_fractions, rules, normalisations)
def test_with_local_growth_each_layer_grows_what_it_lost(net, criterion, growth, fraction, rule, normalisation):
    assume(normalisation is None or criterion not in SELECT_THEMSELVES)
    plugins = criteria.load(criterion), criteria.load(growth, "growth")
    outcomes = update_layers(net, *plugins, fraction, Rules("global_prune", rule, normalisation))
    active = [int(layer.mask.sum()) for layer in net]
    room = [layer.mask.numel() - kept if rule == "forbid" else kept for layer, kept in zip(net, active, strict=True)]
    n = min(math.ceil(fraction * sum(active)), sum(min(a - 1, r) for a, r in zip(active, room, strict=True)))
    assert total(outcome.pruned for outcome in outcomes) == n
    for layer, outcome in zip(net, outcomes, strict=True):
        assert outcome.pruned.sum() == outcome.grown.sum()
        assert outcome.mask.sum() == layer.mask.sum()
        assert torch.equal(outcome.mask, (layer.mask & ~outcome.pruned) | outcome.grown)
        assert not (outcome.pruned & ~layer.mask).any()
        assert not (outcome.grown & layer.mask & ~outcome.pruned).any()
        assert (layer.mask & ~outcome.pruned).any()
        if rule == "forbid":
            assert not (outcome.grown & layer.mask).any()


@unhurried
@given(layers(), criterion_names, prune_fractions, st.integers(0, 9))
def test_one_layer_is_pruned_as_in_local_scope(layer, name, prune_fraction, seed):
    # two of them draw, and the last does not spare what it would prune last
    assume(name not in ("random", "soft_magnitude", "snip_half"))
    distinct = torch.randperm(layer.mask.numel(), generator=seeded(seed)).view(layer.mask.shape) + 1.0
    layer = replace(layer, weight=distinct * layer.mask, grad=torch.ones_like(distinct))
    layer = replace(layer, hessian_gradient=lambda _: torch.ones_like(distinct), input_norm=torch.ones_like(distinct))
    plugins = criteria.load(name), criteria.load("gradient", "growth")
    local = update_topology(layer, *plugins, prune_fraction)
    assume(local.pruned.sum() < layer.mask.sum())
    (outcome,) = update_topology_globally([layer], *plugins, prune_fraction)
    assert torch.equal(outcome.pruned, local.pruned)


def test_weights_move_to_the_layer_where_they_matter():
    net = network([0.1, 0.2, 0.3, 0.4, 0.0], [5.0, 6.0, 0.0, 0.0])
    net[0] = replace(net[0], grad=torch.zeros(5))
    net[1] = replace(net[1], grad=torch.tensor([0.0, 0.0, 7.0, 8.0]))
    outcomes = update_topology_globally(net, criteria.load("magnitude"), criteria.load("gradient", "growth"), 0.3)
    assert masks(outcomes) == [[0, 0, 1, 1, 0], [1, 1, 1, 1]]


def test_with_local_growth_a_layer_loses_no_more_than_it_can_grow_and_the_others_make_up_for_it():
    net = network([0.1, 0.2, 0.3, 0.0], [5.0, 6.0, 7.0, 0.0, 0.0, 0.0])
    plugins = criteria.load("magnitude"), criteria.load("random", "growth")
    outcomes = update_layers(net, *plugins, 0.3, Rules("global_prune"))
    assert masks(outcomes)[0] == [0, 1, 1, 1]
    assert [outcome.pruned.int().tolist() for outcome in outcomes] == [[1, 0, 0, 0], [1, 0, 0, 0, 0, 0]]
    allowed = update_layers(net, *plugins, 0.3, Rules("global_prune", "allow"))
    assert [outcome.pruned.int().tolist() for outcome in allowed] == [[1, 1, 0, 0], [0, 0, 0, 0, 0, 0]]


def test_a_layer_of_small_weights_keeps_its_largest_and_the_others_make_up_for_it():
    net = network([0.1, 0.3, 0.2], [5.0, 6.0, 7.0, 0.0, 0.0, 0.0])
    outcomes = update_topology_globally(net, criteria.load("magnitude"), criteria.load("random", "growth"), 0.5)
    assert [outcome.pruned.int().tolist() for outcome in outcomes] == [[1, 0, 1], [1, 0, 0, 0, 0, 0]]


def test_normalisation_makes_layers_of_different_scale_comparable():
    net = network([0.1, 0.4, 0.5], [10.0, 400.0, 590.0, 0.0, 0.0, 0.0])
    plugins = criteria.load("magnitude"), criteria.load("random", "growth")
    plain = update_topology_globally(net, *plugins, 0.3)
    normalised = update_topology_globally(net, *plugins, 0.3, normalisation=Normalisation("layer", "sum"))
    assert [outcome.pruned.int().tolist() for outcome in plain] == [[1, 1, 0], [0, 0, 0, 0, 0, 0]]
    assert [outcome.pruned.int().tolist() for outcome in normalised] == [[1, 0, 0], [1, 0, 0, 0, 0, 0]]


def test_set_takes_its_halves_from_all_layers_together():
    net = network([0.1, 0.2, 0.3, -9.0], [-0.5, -0.6, 4.0, 0.0, 0.0, 0.0, 0.0])
    outcomes = update_topology_globally(net, criteria.load("set"), criteria.load("random", "growth"), 0.5)
    assert [outcome.pruned.int().tolist() for outcome in outcomes] == [[1, 1, 0, 0], [1, 1, 0, 0, 0, 0, 0]]


def test_set_spares_the_last_weight_of_a_layer():
    net = network([0.1, -0.2], [-5.0, -6.0, 4.0, 7.0, 0.0, 0.0, 0.0])
    outcomes = update_topology_globally(net, criteria.load("set"), criteria.load("random", "growth"), 0.3)
    assert [int(outcome.pruned.sum()) for outcome in outcomes] == [1, 1]


@dataclass
class FirstActive(Criterion):
    """Selects by position, and relies on inactive weights being zero."""

    def select(self, layer, n):
        assert not layer.weight[~layer.mask].any()
        return layer.mask & (layer.mask.cumsum(0) <= n)


def test_a_spared_weight_looks_inactive_to_a_criterion_with_a_selection_of_its_own():
    net = network([1.0, 2.0], [3.0, 4.0, 5.0, 0.0, 0.0, 0.0])
    outcomes = update_topology_globally(net, FirstActive(), criteria.load("random", "growth"), 0.5)
    assert [outcome.pruned.int().tolist() for outcome in outcomes] == [[1, 0], [1, 1, 0, 0, 0, 0]]


@dataclass
class Deaf(Criterion):
    """Selects the first weights, whether they may be pruned or not."""

    def select(self, layer, n):
        return torch.arange(layer.mask.numel()) < n


def test_a_criterion_that_prunes_what_is_spared_is_named():
    net = network([1.0, 2.0], [3.0, 4.0, 0.0, 0.0])
    with pytest.raises(
        ValueError, match="criterion Deaf selected 2 positions of layer all layers, 1 of them not allowed; 2 allowed"
    ):
        update_topology_globally(net, Deaf(), criteria.load("random", "growth"), 0.5)


@pytest.mark.parametrize("name", ["set", "snip_half"])
def test_a_criterion_that_compares_no_scores_cannot_be_normalised(name):
    net = network([1.0, 2.0, 0.0])
    plugins = criteria.load(name), criteria.load("random", "growth")
    with pytest.raises(InputError, match="no score to normalise over layer; leave the normalisation out"):
        update_topology_globally(net, *plugins, 0.5, normalisation=Normalisation("layer"))


@dataclass
class FirstCandidates(Growth):
    """A growth with a selection of its own."""

    def select(self, layer, n, candidates):
        assert layer.weight.shape == candidates.shape
        return candidates & (candidates.cumsum(0) <= n)


def test_a_growth_with_a_selection_of_its_own_chooses_among_all_layers():
    net = network([0.1, 0.0, 0.0], [5.0, 6.0, 7.0, 0.0])
    outcomes = update_topology_globally(net, criteria.load("magnitude"), FirstCandidates(), 0.5)
    assert masks(outcomes) == [[1, 1, 1], [0, 0, 1, 0]]


def test_equal_scores_spare_no_layer_for_its_place():
    net = [Layer(f"fc{i}", torch.ones(20), None, torch.ones(20, dtype=torch.bool)) for i in range(3)]
    net.append(Layer("fc3", torch.zeros(60), None, torch.zeros(60, dtype=torch.bool)))
    plugins = criteria.load("magnitude"), criteria.load("random", "growth")
    pruned = torch.zeros(3)
    for seed in range(300):
        drawn = [replace(layer, generator=seeded(4 * seed + i)) for i, layer in enumerate(net)]
        pruned += torch.stack([outcome.pruned.sum() for outcome in update_topology_globally(drawn, *plugins, 0.25)[:3]])
    assert pruned.sum() == 300 * 15
    assert (pruned - 1500).abs().max() < 200  # a standard deviation is 27
