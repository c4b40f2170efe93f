import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import chisquare

from criteria import lowest
from tests.criteria.layer_strategies import seeded, seeds, tensors, unhurried

DTYPES = [torch.bfloat16, torch.float16, torch.float32, torch.float64]


@st.composite
def selections(draw):
    """Scores with ties and infinities, where to select, and how many."""
    shape = draw(hnp.array_shapes(max_dims=4, max_side=6))
    score = draw(tensors(shape, draw(st.sampled_from(DTYPES)))) * draw(st.sampled_from([1, torch.inf, -torch.inf]))
    where = torch.from_numpy(draw(hnp.arrays(bool, shape)))
    return score.nan_to_num(nan=0, posinf=torch.inf, neginf=-torch.inf), where, draw(st.integers(0, int(where.sum())))


@unhurried
@given(selections(), seeds)
def test_nothing_selected_scores_above_anything_left(selection, seed):
    score, where, n = selection
    chosen = lowest(score, where, n, seeded(seed))
    assert chosen.shape == where.shape
    assert chosen.sum() == n
    assert not (chosen & ~where).any()
    if 0 < n < where.sum():
        assert score[chosen].max() <= score[where & ~chosen].min()


@unhurried
@given(st.data(), st.sampled_from(DTYPES), seeds)
def test_distinct_scores_are_selected_as_a_sort_would(data, dtype, seed):
    where = torch.from_numpy(data.draw(hnp.arrays(bool, hnp.array_shapes(max_dims=4, max_side=4))))
    order = torch.randperm(where.numel(), generator=seeded(seed)).view(where.shape)  # up to 256, exact in every dtype
    n = data.draw(st.integers(0, int(where.sum())))
    by_sort = torch.zeros(where.numel(), dtype=torch.bool)
    positions = where.flatten().nonzero().squeeze(1)
    by_sort[positions[order.flatten()[positions].sort(stable=True).indices[:n]]] = True
    assert torch.equal(lowest(order.to(dtype), where, n, seeded(seed)), by_sort.view(where.shape))


@unhurried
@given(selections(), seeds)
def test_the_memory_layout_of_a_layer_decides_nothing(selection, seed):
    score, where, n = selection
    strided = [tensor.mT.contiguous().mT if tensor.dim() > 1 else tensor for tensor in (score, where)]
    assert torch.equal(lowest(score, where, n, seeded(seed)), lowest(*strided, n, seeded(seed)))


@unhurried
@given(selections(), st.sampled_from([torch.nan, torch.inf, -torch.inf, 0.0]), seeds)
def test_scores_elsewhere_are_not_read(selection, elsewhere, seed):
    score, where, n = selection
    other = torch.where(where, score, elsewhere)
    assert torch.equal(lowest(score, where, n, seeded(seed)), lowest(other, where, n, seeded(seed)))


@pytest.mark.parametrize("score", [torch.zeros(4, 5), torch.full((4, 5), torch.inf)], ids=["zero", "infinite"])
def test_equal_scores_are_equally_likely_at_every_position(score):
    where = torch.ones(4, 5, dtype=torch.bool)
    times = sum(lowest(score, where, 5, seeded(seed)).double() for seed in range(2000))
    assert chisquare(times.flatten().numpy()).pvalue > 1e-6


def test_a_tie_at_the_threshold_is_shared_out_evenly_and_lower_scores_are_always_taken():
    score = torch.tensor([1.0, 1, 0, 1, 2, 1, 1, 0, 1, 2, 1, 1])
    times = sum(lowest(score, score < 3, 4, seeded(seed)).double() for seed in range(2000))
    assert (times[score == 0] == 2000).all()
    assert (times[score == 2] == 0).all()
    assert chisquare(times[score == 1].numpy()).pvalue > 1e-6


@pytest.mark.parametrize("n", [-1, 4])
def test_a_number_that_is_not_there_is_refused(n):
    with pytest.raises(ValueError, match=f"cannot select {n} of 3 positions"):
        lowest(torch.zeros(5), torch.tensor([True, False, True, False, True]), n, seeded(0))


def test_a_score_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"score has shape \(2,\), the layer \(3,\)"):
        lowest(torch.zeros(2), torch.ones(3, dtype=torch.bool), 1, seeded(0))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_nan_scores_are_refused_wherever_they_would_sort(n):
    with pytest.raises(ValueError, match="NaN"):
        lowest(torch.tensor([1.0, torch.nan, 0.0]), torch.ones(3, dtype=torch.bool), n, seeded(0))
