"""The Jaccard index of what criteria would prune: what it is of any sets, and what theory says it is."""

import itertools
import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmark.experiments.outcome import ALL_LAYERS, jaccard
from benchmark.training.measurements.jaccard import Comparison, overlap
from criteria import Criterion, Layer, load

FRACTIONS = st.sampled_from([0.0, 0.0625, 0.5, 1.0]) | st.floats(0, 1)


@dataclass
class Scored(Criterion):
    """Scores that are written down, by layer; ties where they repeat."""

    scores: dict[str, Tensor]

    def score(self, layer: Layer) -> Tensor:
        return self.scores[layer.name]


class OtherRandom(Criterion):
    """As random as random, with draws of its own."""

    def score(self, layer: Layer) -> Tensor:
        layer.uniform()
        return layer.uniform()


@st.composite
def networks(draw):
    """One to three layers, each with at least one active weight, and two criteria that score them."""
    layers, first, second = [], {}, {}
    for index in range(draw(st.integers(1, 3))):
        name, size = f"fc{index}", draw(st.integers(1, 20))
        mask = torch.tensor(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
        mask[draw(st.integers(0, size - 1))] = True
        for scores in (first, second):
            scores[name] = torch.tensor(draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))).float()
        values, generator = (torch.Generator().manual_seed(draw(st.integers(0, 9))) for _ in range(2))
        weight, grad = torch.randn(2, size, generator=values)
        layers.append(Layer(name, weight * mask, grad, mask, generator=generator))
    return layers, Scored(first), Scored(second)


def chosen(layers, criterion, fraction):
    """The set of (layer, position) that a criterion would prune, as Python sets."""
    found = set()
    for layer in layers:
        own = Layer(layer.name, layer.weight, layer.grad, layer.mask, generator=layer.generator.clone_state())
        selected = criterion.select(own, math.ceil(fraction * int(layer.mask.sum())))
        found |= {(layer.name, position) for position in selected.nonzero().flatten().tolist()}
    return found


@settings(deadline=None)
@given(network=networks(), fraction=FRACTIONS)
def test_the_index_is_that_of_the_sets_symmetric_between_0_and_1_and_1_for_equal_sets_only(network, fraction):
    layers, a, b = network
    one, other = (overlap(layers, pair, fraction, step=1) for pair in ((a, b), (b, a)))
    sets = [chosen(layers, criterion, fraction) for criterion in (a, b)]
    for name in [ALL_LAYERS, *(layer.name for layer in layers)]:
        ours = [{place for place in each if name in (ALL_LAYERS, place[0])} for each in sets]
        expected = len(ours[0] & ours[1]) / len(ours[0] | ours[1]) if ours[0] else 1.0
        index = one.jaccard(0, name)
        assert index == expected == other.jaccard(0, name)
        assert 0 <= index <= 1
        assert (index == 1) == (ours[0] == ours[1])


@settings(deadline=None)
@given(network=networks(), fraction=FRACTIONS)
def test_asking_what_would_be_pruned_leaves_the_random_streams_where_they_are(network, fraction):
    layers, a, b = network
    before = [layer.generator.get_state() for layer in layers]
    overlap(layers, (a, b), fraction, step=1)
    assert all(torch.equal(layer.generator.get_state(), state) for layer, state in zip(layers, before, strict=True))


@pytest.mark.parametrize("p", [0.5, 0.25, 0.125, 0.0625])
def test_random_sets_share_what_chance_says(p):
    n_active = 200_000
    layer = Layer("fc1", torch.ones(n_active), None, torch.ones(n_active, dtype=torch.bool))
    found = overlap([layer], (load("random"), OtherRandom(), load("magnitude")), p, step=1)
    n = round(p * n_active)
    spread = math.sqrt(n * p * (1 - p) * (n_active - n) / (n_active - 1))  # of a hypergeometric distribution
    for pair, shared in enumerate(found.shared["fc1"]):
        assert abs(shared - n * p) < 5 * spread
        assert found.jaccard(pair) == pytest.approx(p / (2 - p), abs=0.01)


def test_criteria_with_the_same_scores_prune_the_same_set_ties_included():
    weight = torch.randn(1000, generator=torch.Generator().manual_seed(1))
    mask = torch.arange(1000) % 2 == 0
    weight[::4] = 0.0  # half of the active ones
    layer = Layer("fc1", weight * mask, torch.randn(1000), mask)
    found = overlap([layer], (load("magnitude"), load("mest", lambda_=0.0)), 0.25, step=1)
    assert found.jaccard(0) == 1.0


def test_a_dense_layer_is_asked_for_its_share_although_nothing_could_grow_there():
    layer = Layer("fc1", torch.randn(10, 7), torch.randn(10, 7), torch.ones(10, 7, dtype=torch.bool))
    found = overlap([layer], (load("magnitude"), load("snip"), load("random")), 0.25, step=1)
    assert found.pruned == {"fc1": math.ceil(0.25 * 70)}
    assert len(found.shared["fc1"]) == len(list(itertools.combinations(range(3), 2)))


def test_a_criterion_that_selects_another_number_is_not_believed():
    class Greedy(Criterion):
        def select(self, layer: Layer, n: int) -> Tensor:
            return layer.mask

    layer = Layer("fc1", torch.randn(8), None, torch.ones(8, dtype=torch.bool))
    with pytest.raises(ValueError, match="criterion Greedy selected 8 positions of layer fc1; 2 allowed"):
        overlap([layer], (load("magnitude"), Greedy()), 0.25, step=1)


def test_comparisons_come_at_the_first_update_or_as_often_as_asked():
    def steps(every, period):
        comparison = Comparison((), every)
        return [step for step in range(period, 1001, period) if comparison.due(step, period)]

    assert steps(None, 40) == [40]
    assert steps(200, 40) == [200, 400, 600, 800, 1000]
    assert steps(100, 40) == [120, 200, 320, 400, 520, 600, 720, 800, 920, 1000]
    assert steps(10, 500) == [500, 1000]


def test_empty_sets_are_equal():
    assert jaccard(0, 0) == 1.0
