"""One update and one write-back for everyone: what they leave in a layer's tensors."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import criteria
from criteria import InputError, Normalisation, Rules, update_layers, update_topology, write_back
from criteria.global_scope import update_topology_globally
from criteria.topology import TopologyUpdate
from tests.criteria.layer_strategies import layers, networks, prune_fractions, unhurried
from tests.criteria.test_topology import copied

criterion_names = st.sampled_from(criteria.names())
growth_names = st.sampled_from(criteria.names("growth"))
resurrections = st.sampled_from(["forbid", "allow", "restart"])


def plugins(criterion, growth):
    return criteria.load(criterion), criteria.load(growth, "growth")


def same_bits(left, right):
    """Equal, a zero's sign included."""
    return torch.equal(left.view(torch.int32), right.view(torch.int32))


def same(left, right):
    return all(torch.equal(getattr(left, part), getattr(right, part)) for part in ("mask", "pruned", "grown"))


@unhurried
@given(networks(), criterion_names, growth_names, prune_fractions, resurrections)
def test_in_local_scope_each_layer_is_updated_as_if_it_were_alone(net, criterion, growth, fraction, rule):
    alone = [update_topology(copied(layer), *plugins(criterion, growth), fraction, rule) for layer in net]
    together = update_layers(net, *plugins(criterion, growth), fraction, Rules(resurrection=rule))
    assert all(map(same, alone, together))


@unhurried
@given(networks(), criterion_names, growth_names, prune_fractions, resurrections)
def test_the_global_update_is_the_one_of_global_rules(net, criterion, growth, fraction, rule):
    again = [copied(layer) for layer in net]
    one = update_topology_globally(again, *plugins(criterion, growth), fraction, rule)
    assert all(map(same, one, update_layers(net, *plugins(criterion, growth), fraction, Rules("global", rule))))


@unhurried
@given(layers(), criterion_names, growth_names, prune_fractions, resurrections, st.sampled_from(["keep", "reset"]))
def test_what_is_written_back_is_bit_for_bit_what_masking_gives(layer, criterion, growth, fraction, rule, momentum):
    update = update_topology(layer, *plugins(criterion, growth), fraction, rule)
    weight, mask, gathered = layer.weight.clone(), layer.mask.clone(), layer.grad.clone()
    write_back(weight, mask, [gathered], update, Rules(resurrection=rule, grown_momentum=momentum))
    restarted = layer.weight * ~update.pruned if rule == "restart" else layer.weight
    assert same_bits(weight, restarted * update.mask)
    assert torch.equal(mask, update.mask)
    assert same_bits(gathered, layer.grad * ~update.grown if momentum == "reset" else layer.grad)


@unhurried
@given(layers(), criterion_names, growth_names, prune_fractions)
def test_grown_weights_start_at_zero_and_survivors_stay_what_they_are(layer, criterion, growth, fraction):
    update = update_topology(layer, *plugins(criterion, growth), fraction)
    weight, mask = layer.weight.clone(), layer.mask.clone()
    write_back(weight, mask, [], update, Rules())
    survivors = layer.mask & ~update.pruned
    assert same_bits(weight[survivors], layer.weight[survivors])
    assert not weight[~survivors].any()


def test_a_grown_weight_can_find_the_mean_of_the_state_of_those_that_stayed():
    mask = torch.tensor([True, True, True, False, False])
    pruned, grown = torch.tensor([1, 0, 0, 0, 0]).bool(), torch.tensor([0, 0, 0, 1, 0]).bool()
    update = TopologyUpdate((mask & ~pruned) | grown, pruned, grown)
    squares, gradients = torch.tensor([9.0, 1.0, 3.0, 7.0, 8.0]), torch.tensor([5.0, -1.0, 4.0, 0.0, 0.0])
    write_back(torch.ones(5), mask, [squares, gradients], update, Rules(grown_momentum="mean"))
    assert squares.tolist() == [9.0, 1.0, 3.0, 2.0, 8.0]
    assert gradients.tolist() == [5.0, -1.0, 4.0, 1.5, 0.0]


def test_where_no_weight_stayed_there_is_no_mean_and_grown_weights_find_zero():
    mask, grown = torch.tensor([True, False]), torch.tensor([False, True])
    state = torch.tensor([3.0, 4.0])
    write_back(torch.ones(2), mask.clone(), [state], TopologyUpdate(grown, mask, grown), Rules(grown_momentum="mean"))
    assert state.tolist() == [3.0, 0.0]


def test_a_parameter_that_requires_its_gradient_is_written_to_in_place():
    weight, mask = torch.nn.Parameter(torch.tensor([1.0, 0.0])), torch.tensor([True, False])
    grown = ~mask
    place = weight.data_ptr()
    write_back(weight, mask, [], TopologyUpdate(grown, mask.clone(), grown), Rules())
    assert weight.tolist() == [0.0, 0.0]
    assert weight.data_ptr() == place
    assert weight.requires_grad


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"scope": "everywhere"}, "scope is 'everywhere'; it can be: local, global, global_prune"),
        ({"resurrection": True}, "resurrection is True; it can be: forbid, allow, restart"),
        ({"grown_momentum": "zero"}, "grown_momentum is 'zero'; it can be: keep, reset, mean"),
        ({"normalisation": Normalisation()}, "it needs scope: global or global_prune"),
    ],
)
def test_rules_that_do_not_exist_or_fit_are_refused_in_one_line(rules, message):
    with pytest.raises(InputError, match=message):
        Rules(**rules)


def test_rules_are_read_without_torch():
    """Settings are checked long before anything is trained."""
    code = """
import sys, types
package = types.ModuleType("criteria")
package.__path__ = [sys.argv[1]]
sys.modules["criteria"] = package  # what the package itself imports is another matter
from criteria.rules import Rules, prune_count
Rules("global"), prune_count(3, 9, 0.5)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, criteria.__path__[0]], check=True)
