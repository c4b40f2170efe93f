"""Pairs of criteria within a setting, and what is each criterion's own of their noise; no warning is given."""

from statistics import median

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmark.verdicts.statistics.pairs import _median, own_variances, pairs

KNOWN_OR_NOT = st.floats(0, 100) | st.just(np.nan)


@given(arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 7)), elements=KNOWN_OR_NOT))
def test_the_median_is_that_of_what_is_known_and_of_nothing_it_is_nothing(values):
    for row, middle in zip(values, _median(values), strict=True):
        known = [value for value in row.tolist() if value == value]
        assert (middle == median(known)) if known else np.isnan(middle)


def test_a_criterion_that_a_setting_lacks_has_no_share_of_the_noise_there():
    panel = 80 + np.random.default_rng(1).standard_normal((1, 2, 4, 5))
    panel[0, 1, 2] = np.nan
    shares = own_variances(panel, pairs(panel, 0.01))
    assert np.isnan(shares).tolist() == [[[False] * 4, [False, False, True, False]]]
