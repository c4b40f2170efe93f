"""Dropout's draws are a good generator's, and belong to the network alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from benchmark.models import build_model
from benchmark.models.dropout import Dropout, splitmix64

WORD = 2**64


def splitmix64_by_the_book(seed, count):
    """SplitMix64 on Python's unbounded integers (Steele et al., 2014, figure 17 with the variant 13 mixer)."""
    state, outputs = seed, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % WORD
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % WORD
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % WORD
        outputs.append(z ^ (z >> 31))
    return outputs


@given(seed=st.integers(0, 2**63 - 1), first=st.integers(0, 40), count=st.integers(0, 40))
def test_splitmix64_gives_the_published_generators_outputs_from_any_position(seed, first, count):
    outputs = splitmix64(torch.tensor(seed), torch.tensor(first), count).tolist()
    assert [output % WORD for output in outputs] == splitmix64_by_the_book(seed, first + count)[first:]


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
def test_values_are_dropped_with_probability_p_and_the_others_scaled_up(p):
    torch.manual_seed(1)
    dropped = Dropout(p)(torch.ones(200, 500))
    zeros = int((dropped == 0).sum())
    assert binomtest(zeros, dropped.numel(), p).pvalue > 1e-6
    torch.testing.assert_close(dropped[dropped != 0], torch.full((dropped.numel() - zeros,), 1 / (1 - p)))


def test_whole_examples_are_dropped_together():
    torch.manual_seed(1)
    dropped = Dropout(0.5, whole_examples=True)(torch.ones(64, 3, 4, 4))
    per_example = dropped.flatten(1)
    assert bool((per_example == per_example[:, :1]).all())
    assert set(per_example[:, 0].tolist()) == {0.0, 2.0}


def test_every_call_draws_anew_and_a_loaded_state_draws_the_same_again():
    torch.manual_seed(1)
    first, ones = Dropout(0.5), torch.ones(8, 16)
    first(ones)
    state = {key: value.clone() for key, value in first.state_dict().items()}
    draws = [first(ones) for _ in range(3)]
    assert not torch.equal(draws[0], draws[1])
    second = Dropout(0.5)
    second.load_state_dict(state)
    assert all(torch.equal(second(ones), draw) for draw in draws)


def test_draws_ignore_torchs_global_generator():
    torch.manual_seed(1)
    one, other, ones = Dropout(0.5), Dropout(0.5), torch.ones(8, 16)
    other.load_state_dict(one.state_dict())
    expected = one(ones)
    torch.manual_seed(2)
    assert torch.equal(other(ones), expected)


def test_nothing_is_dropped_in_evaluation():
    assert torch.equal(Dropout(0.5).eval()(torch.ones(8, 16)), torch.ones(8, 16))


def test_a_perceptron_starts_from_the_same_weights_with_and_without_dropout():
    starts = []
    for dropout in (0.0, 0.05):
        torch.manual_seed(3)
        starts.append(
            dict(build_model("mlp", widths=[8, 4], inputs=(6,), classes=3, dropout=dropout).named_parameters())
        )
    assert starts[0].keys() == starts[1].keys()
    assert all(torch.equal(starts[0][key], starts[1][key]) for key in starts[0])
