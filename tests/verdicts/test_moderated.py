"""Variances that borrow from each other, and Holm's correction over arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from statsmodels.stats.multitest import multipletests

from benchmark.verdicts.statistics.moderated import CAUTION, inverse_trigamma, moderate
from benchmark.verdicts.statistics.multiplicity import holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@settings(max_examples=20)
@given(P_VALUES)
def test_holm_agrees_with_statsmodels(p):
    assert holm(np.array(p)) == pytest.approx(multipletests(p, method="holm")[1])


@given(P_VALUES, P_VALUES)
def test_holm_takes_each_family_by_itself_and_leaves_gaps(first, second):
    both = np.full((2, max(len(first), len(second))), np.nan)
    both[0, : len(first)], both[1, : len(second)] = first, second
    adjusted = holm(both)
    for row, p in zip(adjusted, (first, second), strict=True):
        assert row[: len(p)] == pytest.approx(holm(np.array(p)))
        assert np.isnan(row[len(p) :]).all()


@given(st.floats(1e-3, 1e3))
def test_inverse_trigamma_inverts_trigamma(value):
    assert special.polygamma(1, inverse_trigamma(np.array(value))) == pytest.approx(value)


def test_the_prior_that_variances_were_drawn_from_is_found():
    """Smyth's model itself: 20,000 variances with 4 degrees of freedom, d0 = 6, s0² = 0.04."""
    generator = np.random.default_rng(1)
    true = 0.04 * 6 / generator.chisquare(6, 20_000)
    found = moderate(true * generator.chisquare(4, 20_000) / 4, np.full(20_000, 4.0))
    kept = 4**2 / (4**2 + CAUTION)
    assert np.median(found.dof) == pytest.approx(4 + 6 * kept, abs=0.5)
    assert found.variance.min() == pytest.approx(6 * kept * 0.04 / (4 + 6 * kept), rel=0.1)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30))
def test_a_moderated_variance_is_never_below_the_measured_one(variances):
    found = moderate(np.array(variances), np.full(len(variances), 2.0))
    assert (found.variance >= np.array(variances) * (1 - 1e-12)).all()
    assert (found.dof >= 2).all()


def test_few_variances_do_not_borrow():
    found = moderate(np.array([1.0, 2.0, 3.0]), np.full(3, 2.0))
    assert found.variance.tolist() == [1, 2, 3]
    assert found.dof.tolist() == [2, 2, 2]
