"""Layer densities and the exact masks that follow from them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from criteria.distribution import layer_counts, random_mask

shapes = st.dictionaries(
    st.text("abc", min_size=1, max_size=3),
    st.one_of(
        st.tuples(st.integers(1, 60), st.integers(1, 60)),
        st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 5), st.integers(1, 5)),
    ),
    min_size=1,
    max_size=6,
)
LENET300 = {"fc1.weight": (300, 784), "fc2.weight": (100, 300), "fc3.weight": (10, 100)}


@given(shapes, st.floats(0.001, 1), st.sampled_from(["erk", "er", "uniform"]))
def test_the_counts_sum_up_to_exactly_the_density_and_every_layer_keeps_a_weight(shapes, density, distribution):
    counts = layer_counts(shapes, density, distribution)
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    assert sum(counts.values()) == max(round(density * sum(sizes.values())), len(sizes))
    assert all(1 <= counts[name] <= sizes[name] for name in sizes)


@pytest.mark.parametrize("distribution", ["erk", "er", "uniform"])
def test_density_one_is_dense_everywhere(distribution):
    assert layer_counts(LENET300, 1.0, distribution) == {name: math.prod(s) for name, s in LENET300.items()}


def test_erk_agrees_with_the_densities_that_the_authors_code_ends_with():
    """Means over their runs of fmnist-lenet300 at density 0.05, which they draw by coin flips."""
    counts = layer_counts(LENET300, 0.05, "erk")
    densities = {name: counts[name] / math.prod(shape) for name, shape in LENET300.items()}
    assert densities["fc1.weight"] == pytest.approx(0.0386, abs=0.001)
    assert densities["fc2.weight"] == pytest.approx(0.1120, abs=0.003)
    assert densities["fc3.weight"] == pytest.approx(0.924, abs=0.02)


def test_erk_makes_a_layer_dense_before_it_passes_one_and_rescales_the_rest():
    counts = layer_counts({"small": (2, 2), "large": (100, 100)}, 0.5, "erk")
    assert counts == {"small": 4, "large": round(0.5 * 10_004) - 4}


def test_er_ignores_the_kernel_and_erk_does_not():
    shapes = {"conv": (16, 16, 5, 5), "fc": (64, 64)}
    er, erk = layer_counts(shapes, 0.1, "er"), layer_counts(shapes, 0.1, "erk")
    assert er["conv"] / er["fc"] == pytest.approx((32 * 25) / 128, rel=0.01)
    assert erk["conv"] / erk["fc"] == pytest.approx(42 / 128, rel=0.01)


@given(st.integers(1, 200), st.data())
def test_a_random_mask_has_exactly_the_number_asked_for(size, data):
    count = data.draw(st.integers(0, size))
    mask = random_mask((size,), count, torch.Generator().manual_seed(size))
    assert mask.dtype == torch.bool
    assert int(mask.sum()) == count
