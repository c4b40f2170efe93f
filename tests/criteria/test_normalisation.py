import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import criteria
from criteria.normalisation import Normalisation
from tests.criteria.layer_strategies import layers, seeded, unhurried

OVER = ["layer", "input", "output", "channel"]
normalisations = st.builds(Normalisation, st.sampled_from(OVER), st.sampled_from(["sum", "max"]))


def groups(over, scores):
    """The scores that are normalised together, one vector each."""
    if over == "output" and scores.dim() > 1:
        return list(scores.transpose(0, 1).flatten(1))
    if (over == "input" and scores.dim() > 1) or (over == "channel" and scores.dim() > 2):
        return list(scores.flatten(1))
    return [scores.flatten()]


@unhurried
@given(hnp.array_shapes(max_dims=4, max_side=5), st.sampled_from(OVER), st.integers(0, 99))
def test_the_sum_or_the_largest_of_each_group_becomes_one(shape, over, seed):
    generator = seeded(seed)
    mask = torch.rand(shape, generator=generator) < 0.5
    score = torch.randn(shape, generator=generator)
    for by, reduced in (("sum", torch.Tensor.sum), ("max", torch.Tensor.amax)):
        normalised = Normalisation(over, by)(score, mask)
        for group, active, raw in zip(*(groups(over, each) for each in (normalised, mask, score)), strict=True):
            assert not group[~active].any()
            if active.any():
                size = reduced(raw[active].abs().double())
                torch.testing.assert_close(reduced(group.abs()), torch.tensor(1.0, dtype=torch.float64))
                torch.testing.assert_close(group[active] * size, raw[active].double())


@unhurried
@given(layers(), normalisations)
def test_finite_scores_stay_finite_however_extreme(layer, normalisation):
    normalised = normalisation(layer.weight, layer.mask)
    assert normalised.isfinite().all()
    assert torch.equal(normalised.sign(), (layer.weight * layer.mask).sign().double())
    assert (normalised.abs() <= 1).all()


@unhurried
@given(layers(), normalisations)
def test_an_infinite_score_stays_the_largest(layer, normalisation):
    score = layer.weight.abs() * torch.inf
    normalised = normalisation(score.nan_to_num(nan=0, posinf=torch.inf), layer.mask)
    assert normalised.isfinite().all()
    assert ((normalised > 0) == (layer.mask & (layer.weight != 0))).all()


@pytest.mark.parametrize("over", OVER)
def test_inactive_positions_count_for_nothing(over):
    score, mask = torch.tensor([[1.0, 3.0], [2.0, 2.0]]), torch.tensor([[True, True], [False, True]])
    other = torch.where(mask, score, torch.inf)
    assert torch.equal(Normalisation(over)(score, mask), Normalisation(over)(other, mask))


def test_each_unit_is_divided_by_its_own_sum():
    score, mask = torch.tensor([[1.0, 3.0], [2.0, 2.0]]), torch.ones(2, 2, dtype=torch.bool)
    assert Normalisation("layer")(score, mask).tolist() == [[0.125, 0.375], [0.25, 0.25]]
    assert Normalisation("input")(score, mask).tolist() == [[0.25, 0.75], [0.5, 0.5]]
    assert Normalisation("output", "max")(score, mask).tolist() == [[0.5, 1.0], [1.0, 2 / 3]]
    assert Normalisation("channel")(score, mask).tolist() == [[0.125, 0.375], [0.25, 0.25]]
    filters = Normalisation("channel")(score.view(2, 1, 2, 1), mask.view(2, 1, 2, 1))
    assert filters.flatten(1).tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_nan_is_not_hidden():
    score = torch.tensor([1.0, torch.nan])
    assert Normalisation()(score, torch.ones(2, dtype=torch.bool)).isnan().any()


def test_a_layer_normalised_as_a_whole_keeps_its_order():
    score = torch.randn(50, generator=seeded(0))
    normalised = Normalisation()(score, torch.ones(50, dtype=torch.bool))
    where = torch.ones(50, dtype=torch.bool)
    assert torch.equal(criteria.lowest(score, where, 20, seeded(0)), criteria.lowest(normalised, where, 20, seeded(0)))
