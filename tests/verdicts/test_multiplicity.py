"""Holm's correction against statsmodels, and what must hold of it whatever the p-values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from benchmark.verdicts.statistics.multiplicity import holm

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=20).map(np.array)


@pytest.mark.parametrize("p", [[0.2], [0.01, 0.04, 0.03, 0.005], [0.5, 0.02, 0.02, 0.0, 1.0, 0.02]])
def test_holms_correction_is_that_of_statsmodels(p):
    p = np.array(p)
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])


@settings(deadline=None)
@given(p_values)
def test_holms_correction_keeps_the_order_and_never_makes_a_comparison_clearer(p):
    adjusted = holm(p)
    assert (adjusted >= p).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()


@settings(deadline=None)
@given(p_values, st.integers(0, 19), st.floats(0, 1))
def test_a_clearer_comparison_makes_no_other_less_clear(p, index, factor):
    clearer = p.copy()
    clearer[index % len(p)] *= factor
    assert (holm(clearer) <= holm(p) + 1e-12).all()
