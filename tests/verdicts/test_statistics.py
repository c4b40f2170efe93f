"""The statistics of the check against scipy, statsmodels and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmark.verdicts.statistics.differences import Summary, differences
from benchmark.verdicts.statistics.groups import moved, seed_correlation, seed_residuals
from benchmark.verdicts.statistics.holm import holm

percent = st.floats(0, 100)
summaries = st.builds(Summary, percent, st.none() | percent, st.integers(2, 10)) | st.builds(
    Summary, percent, st.none(), st.just(1)
)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=20).map(np.array)


def summary(values):
    return Summary(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None, len(values))


@pytest.fixture
def generator():
    return np.random.default_rng(7)


@pytest.mark.parametrize("sizes", [(5, 5), (3, 5), (2, 10)])
def test_two_known_spreads_give_welchs_test_and_interval(generator, sizes):
    first, second = generator.normal(85, 1, sizes[0]), generator.normal(86, 3, sizes[1])
    ours = differences([summary(first)], [summary(second)])
    scipys = stats.ttest_ind(second, first, equal_var=False)
    assert ours.p[0] == pytest.approx(scipys.pvalue)
    assert (ours.low[0], ours.high[0]) == pytest.approx(tuple(scipys.confidence_interval(0.95)))
    assert 2 * stats.norm.sf(abs(ours.z[0])) == pytest.approx(scipys.pvalue)
    assert np.sign(ours.z[0]) == np.sign(ours.difference[0])


def test_one_seed_borrows_the_spread_of_the_other_side_as_students_test_does(generator):
    first, second = generator.normal(85, 1, 5), np.array([88.0])
    scipys = stats.ttest_ind(second, first, equal_var=True)
    forth, back = differences([summary(first)], [summary(second)]), differences([summary(second)], [summary(first)])
    assert forth.p[0] == back.p[0] == pytest.approx(scipys.pvalue)
    assert (forth.low[0], forth.high[0]) == pytest.approx(tuple(scipys.confidence_interval(0.95)))


def test_where_neither_side_has_a_spread_the_noisiest_side_of_all_lends_its_own():
    quiet, noisy, one = Summary(80, 0.1, 5), Summary(80, 2.0, 5), Summary(80, None, 1)
    both = differences([quiet, quiet, one], [quiet, noisy, Summary(83, None, 1)])
    assert both.p[2] == pytest.approx(2 * stats.t.sf(3 / (2.0 * np.sqrt(2)), 4))


def test_where_no_spread_is_known_at_all_nothing_is_concluded():
    found = differences([Summary(80, None, 1)], [Summary(20, None, 1)])
    assert (found.p[0], found.z[0], found.low[0], found.high[0]) == (1, 0, -np.inf, np.inf)


def test_without_any_variance_equal_means_agree_and_others_differ():
    still = Summary(80, 0.0, 5)
    found = differences([still, still], [still, Summary(81, 0.0, 5)])
    assert list(found.p) == [1, 0]
    assert (found.low[1], found.high[1]) == (1, 1)


@settings(deadline=None)
@given(st.lists(st.tuples(summaries, summaries), min_size=1, max_size=5))
def test_no_input_gives_nan_or_an_infinite_deviate(pairs):
    found = differences(*zip(*pairs, strict=True))
    assert not np.isnan([found.difference, found.low, found.high, found.p, found.z]).any()
    assert np.isfinite(found.z).all()
    assert ((found.p >= 0) & (found.p <= 1)).all()


@settings(deadline=None)
@given(st.lists(st.tuples(summaries, summaries), min_size=1, max_size=5))
def test_swapping_the_sides_only_changes_signs(pairs):
    first, second = zip(*pairs, strict=True)
    forth, back = differences(first, second), differences(second, first)
    np.testing.assert_allclose(forth.p, back.p)
    np.testing.assert_allclose(forth.z, -back.z, atol=1e-12)
    np.testing.assert_allclose(forth.low, -back.high, atol=1e-9)


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


def correlated(generator, cells, seeds, correlation):
    shared = np.sqrt(correlation) * generator.standard_normal(seeds)
    return shared + np.sqrt(1 - correlation) * generator.standard_normal((cells, seeds))


@pytest.mark.parametrize("correlation", [0, 0.2, 0.7])
def test_the_correlation_over_seeds_is_found_whatever_the_spreads(generator, correlation):
    spreads = np.exp(generator.uniform(-2, 2, (12, 1)))
    values = 80 + spreads * correlated(generator, 12, 2000, correlation)
    residuals = seed_residuals([dict(enumerate(row)) for row in values])
    found = seed_correlation(residuals, [np.arange(6), np.arange(6, 12)])
    assert found == pytest.approx(correlation, abs=0.05)


def test_correlation_is_looked_for_within_groups_only(generator):
    values = np.vstack([correlated(generator, 4, 500, 0.8), correlated(generator, 4, 500, 0.8)])
    residuals = seed_residuals([dict(enumerate(row)) for row in values])
    assert seed_correlation(residuals, [np.arange(4), np.arange(4, 8)]) == pytest.approx(0.8, abs=0.05)
    assert seed_correlation(residuals, [np.array([0, 4]), np.array([1, 5])]) < 0.1


def test_cells_that_ran_with_other_seeds_or_do_not_vary_say_nothing_of_correlation():
    residuals = seed_residuals([{1: 80.0, 2: 81.0}, {3: 70.0, 4: 75.0}, {1: 60.0, 2: 60.0}, {}, {5: 50.0}])
    assert seed_correlation(residuals, [np.arange(5)]) == 0
    assert np.isnan(residuals).sum() == 5 * 5 - 7
    assert list(residuals[0, :2]) == [-0.5, 0.5]


def test_without_correlation_the_pooled_test_is_stouffers(generator):
    z = generator.normal(0.5, 1, 6)
    scipys = stats.combine_pvalues(stats.norm.sf(z), method="stouffer")
    assert moved(z, [np.arange(6)], 0.0, 8.0)[0] == pytest.approx(2 * min(scipys.pvalue, 1 - scipys.pvalue))


def test_cells_that_rise_and_fall_as_one_count_as_one():
    one, many = np.array([2.0]), np.full(20, 2.0)
    alone = moved(one, [np.arange(1)], 1.0, 8.0)[0]
    together = moved(many, [np.arange(20)], 1.0, 8.0)[0]
    assert together == pytest.approx(alone) == pytest.approx(2 * stats.t.sf(2, 8))
