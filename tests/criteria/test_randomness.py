"""Random streams by name."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from criteria.randomness import stream

labels = st.tuples(st.integers(0, 100), st.sampled_from(["batches", "initial mask"]), st.integers(0, 100))


def draws(label):
    return torch.rand(8, generator=stream(*label)).tolist()


@given(labels, labels)
def test_a_stream_is_fixed_by_its_label_and_by_nothing_else(one, other):
    torch.rand(3)  # the global generator has no say
    assert draws(one) == draws(one)
    assert (draws(one) == draws(other)) == (one == other)
