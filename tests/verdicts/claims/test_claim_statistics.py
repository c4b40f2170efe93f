"""The statistics of the claims against scipy, statsmodels, scikit-posthocs, published tables and their definitions."""

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from benchmark.report.figures.look import LIGHT
from benchmark.report.figures.ranks import Diagram, draw_diagram
from benchmark.verdicts.statistics.equivalence import Absolute
from benchmark.verdicts.statistics.ordered import LEVEL, Least, at_least, nth_largest
from benchmark.verdicts.statistics.paired import Mean, mean_of, paired, paired_over
from benchmark.verdicts.statistics.ranks import critical_difference, rank, ranks
from benchmark.verdicts.statistics.spread import jackknife, true_variance
from criteria.errors import InputError

means = st.builds(Mean, st.floats(-5, 5), st.floats(0.1, 3), st.integers(1, 9))
several = st.lists(means, min_size=1, max_size=6)
levels = st.floats(0.001, 0.2)


@given(several)
def test_as_many_are_shown_to_be_above_zero_as_have_a_lower_limit_above_it(estimates):
    shown = [nth_largest(estimates, n).low > 0 for n in range(1, len(estimates) + 1)]
    assert shown == sorted(shown, reverse=True)
    assert at_least(estimates) == sum(shown)


DEMSARS_AUC = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
"""Areas under the curve of C4.5 and its variants m, cf and m+cf on 14 UCI data sets (Demšar, 2006, table 6).

The 0.9751 is printed as 0.975; the average ranks that are printed tell it from the 0.975 beside it.
"""


@pytest.fixture
def generator():
    return np.random.default_rng(7)


def by_seed(values):
    return dict(enumerate(np.asarray(values).tolist()))


def p_above(estimate, bound):
    return float(stats.t.sf((estimate.value - bound) / estimate.error, estimate.dof))


def partial_conjunction(p, n):
    """P-value that at least n hypotheses hold, by its definition: the worst Simes test of all but n - 1 of them."""
    return max(
        min(len(rest) / i * value for i, value in enumerate(sorted(rest), start=1))
        for rest in itertools.combinations(p, len(p) - n + 1)
    )


@pytest.mark.parametrize("n", [2, 3, 5, 20])
def test_a_paired_difference_has_the_interval_and_test_of_scipy(generator, n):
    first, second = generator.normal(85, 1, n), generator.normal(86, 3, n)
    ours, scipys = paired(by_seed(first), by_seed(second), 0.0), stats.ttest_rel(first, second)
    assert (ours.lower(LEVEL), ours.upper(LEVEL)) == pytest.approx(tuple(scipys.confidence_interval(0.95)))
    assert ours.value / ours.error == pytest.approx(scipys.statistic)
    assert ours.dof == scipys.df


def test_the_p_value_of_a_paired_difference_is_that_of_scipy(generator):
    first, second = generator.normal(85, 1, 5), generator.normal(86, 3, 5)
    assert paired(by_seed(first), by_seed(second), 0.0).p == pytest.approx(stats.ttest_rel(first, second).pvalue)


def test_p_values_without_any_spread_or_any_seed_to_spare_are_honest():
    assert Mean(2.0, math.inf, 0).p == 1
    assert Mean(0.0, 0.0, 2).p == 1
    assert Mean(2.0, 0.0, 2).p == 0


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-3, 3), min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_difference_over_blocks_is_the_paired_difference_of_the_seeds_averages(blocks):
    zeros = by_seed([0.0] * 3)
    found = paired_over([(by_seed(block), zeros) for block in blocks], 0.0)
    averages = paired(by_seed(np.mean(blocks, axis=0)), zeros, 0.0)
    assert (found.value, found.error, found.dof) == pytest.approx((averages.value, averages.error, 2), abs=1e-9)


def test_luck_that_a_seed_has_in_all_blocks_does_not_count_once_for_each(generator):
    luck = generator.normal(0, 1, 4)
    one = paired(by_seed(luck), by_seed(np.zeros(4)), 0.0)
    assert paired_over([(by_seed(luck), by_seed(np.zeros(4)))] * 25, 0.0).error == pytest.approx(one.error)


def test_the_mean_of_a_sample_has_the_interval_of_scipy(generator):
    values = generator.normal(85, 1, 5)
    ours = mean_of(values.tolist())
    theirs = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    assert (ours.lower(LEVEL), ours.upper(LEVEL)) == pytest.approx(theirs)


def test_only_seeds_that_both_have_are_paired():
    assert paired({1: 80.0, 2: 85.0, 3: 99.0}, {2: 84.0, 1: 78.0, 7: 3.0}, 0.0) == mean_of([2.0, 1.0])
    assert paired({1: 80.0}, {2: 80.0}, 0.0) is None


def test_one_seed_limits_nothing():
    alone = paired({1: 80.0}, {1: 20.0}, 0.1)
    assert (alone.value, alone.lower(LEVEL), alone.upper(LEVEL)) == (60, -np.inf, np.inf)


def test_equal_differences_of_a_coarse_metric_are_not_taken_for_certainty():
    first, second = {1: 91.0, 2: 92.0, 3: 93.0}, {1: 90.0, 2: 91.0, 3: 92.0}
    assert paired(first, second, 0.0).lower(LEVEL) == 1
    coarse = paired(first, second, 1.0)
    assert coarse.error == pytest.approx(np.sqrt(1 / 6 / 3))
    assert coarse.lower(LEVEL) < 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=3, max_size=8), st.floats(0.1, 3), levels)
def test_a_margin_above_the_upper_limit_of_the_size_is_one_that_tost_shows_equivalence_for(pairs, margin, level):
    first, second = np.array(pairs).T
    assume(np.ptp(first - second) > 1e-3)
    upper = Absolute(paired(by_seed(first), by_seed(second), 0.0)).upper(level)
    assume(abs(upper - margin) > 1e-6)
    p = ttost_paired(first, second, -margin, margin)[0]
    assert (upper < margin) == (p < level)


@settings(deadline=None)
@given(means, levels)
def test_the_size_of_a_difference_has_no_sign_and_lies_between_its_limits(mean, level):
    size, mirrored = Absolute(mean), Absolute(Mean(-mean.value, mean.error, mean.dof))
    assert size.value == mirrored.value
    assert size.lower(level) == pytest.approx(mirrored.lower(level))
    assert size.upper(level) == pytest.approx(mirrored.upper(level))
    assert 0 <= size.lower(level) <= size.value <= size.upper(level)


@settings(deadline=None)
@given(several, st.data(), st.floats(-10, 10))
def test_the_n_th_largest_is_shown_to_be_above_what_the_partial_conjunction_test_rejects(estimates, data, bound):
    n = data.draw(st.integers(1, len(estimates)))
    found = nth_largest(estimates, n)
    assume(abs(found.low - bound) > 1e-6)
    p = partial_conjunction([p_above(estimate, bound) for estimate in estimates], n)
    assert (found.low > bound) == (p < LEVEL)


@settings(deadline=None)
@given(several, st.data())
def test_the_n_th_largest_is_the_n_th_smallest_seen_from_below(estimates, data):
    n = data.draw(st.integers(1, len(estimates)))
    flipped = [Mean(-each.value, each.error, each.dof) for each in estimates]
    found, mirrored = nth_largest(estimates, n), nth_largest(flipped, len(estimates) - n + 1)
    assert (found.low, found.value, found.high) == pytest.approx((-mirrored.high, -mirrored.value, -mirrored.low))


def test_the_largest_of_one_has_students_interval():
    mean = Mean(1.0, 0.5, 4)
    found = nth_largest([mean], 1)
    assert (found.low, found.high) == pytest.approx((mean.lower(0.025), mean.upper(0.025)))


def test_looking_for_the_largest_of_many_is_paid_for():
    one = Mean(1.0, 0.3, 4)
    others = [Mean(-9.0, 0.3, 4)] * 29
    assert nth_largest([one], 1).low > 0
    assert nth_largest([one, *others], 1).low == pytest.approx(one.lower(LEVEL / 30))
    assert nth_largest([one, *others], 1).low < 0


@settings(deadline=None)
@given(several, levels)
def test_the_least_is_above_what_all_are_above_and_its_upper_limit_pays_for_the_choice(estimates, level):
    least = Least(estimates)
    assert least.lower(level) == min(each.lower(level) for each in estimates)
    assert least.lower(level) <= least.value <= least.upper(level)
    assert least.upper(level) >= min(each.upper(level) for each in estimates) - 1e-9


@pytest.mark.parametrize("noise", [0.5, 5.0])
def test_noise_does_not_widen_the_spread_between_true_means(generator, noise):
    truth = np.array([0.0, 1.0, 2.0, 4.0])
    found = [true_variance(truth[None, :, None] + noise * generator.standard_normal((2, 4, 5))) for _ in range(4000)]
    assert np.mean(found) == pytest.approx(truth.var(ddof=1), abs=4 * np.std(found) / np.sqrt(len(found)))


def test_a_spread_measured_without_noise_is_the_variance():
    truth = np.array([[0.0, 1.0, 5.0], [2.0, 2.0, 2.0]])
    lucky = np.array([3.0, -1.0, 0.5])  # moves all criteria of a seed alike
    values = truth[:, :, None] + lucky
    assert true_variance(values) == pytest.approx(truth.var(axis=1, ddof=1).mean())


def test_the_jackknife_of_a_mean_is_the_mean(generator):
    values = generator.normal(3, 2, 6)
    ours, plain = jackknife(lambda chosen: float(values[chosen].mean()), 6), mean_of(values.tolist())
    assert (ours.value, ours.error, ours.dof) == pytest.approx((plain.value, plain.error, plain.dof))


@pytest.mark.parametrize(
    ("things", "q"),
    [(3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (7, 2.949), (8, 3.031), (9, 3.102), (10, 3.164)],
)
def test_critical_differences_are_those_of_demsars_table_5(things, q):
    # Table 5(a) has the critical values of the two-tailed Nemenyi test at 0.05.
    blocks = 17
    expected = q * np.sqrt(things * (things + 1) / (6 * blocks))
    assert critical_difference(things, blocks) == pytest.approx(expected, rel=4e-4)


@pytest.mark.parametrize(("confidence", "printed"), [(0.95, 1.25), (0.90, 1.12)])
def test_four_algorithms_on_fourteen_data_sets_have_the_critical_difference_that_demsar_prints(confidence, printed):
    assert round(critical_difference(4, 14, confidence), 2) == printed


def test_average_ranks_and_friedmans_test_are_those_of_demsars_example():
    found = rank(DEMSARS_AUC)
    assert found.average.round(3).tolist() == [3.143, 2.0, 2.893, 1.964]
    # All together differ, but at 0.05 no pair does.
    assert found.friedman_p < 0.05
    assert (found.nemenyi_p > 0.05).all()


def test_friedmans_p_value_is_that_of_scipys_documented_example():
    before, immediately_after = [72, 96, 88, 92, 74, 76, 82], [120, 120, 132, 120, 101, 96, 112]
    five_minutes_after = [76, 95, 104, 96, 84, 72, 76]
    found = rank(np.array([before, immediately_after, five_minutes_after], dtype=float).T)
    assert found.friedman_p == pytest.approx(0.005063414171757498)


@pytest.mark.parametrize(
    ("confidence", "joined"),
    [
        (0.95, [{"C4.5", "m", "cf", "m+cf"}]),
        # Figure 1(a): C4.5 is worse than m and m+cf, and it cannot be told to which of the two groups cf belongs.
        (0.90, [{"m", "m+cf", "cf"}, {"cf", "C4.5"}]),
    ],
)
def test_the_critical_difference_diagram_joins_what_demsars_figure_joins(confidence, joined):
    names = ("C4.5", "m", "cf", "m+cf")
    ranking = rank(DEMSARS_AUC, confidence)
    ax = Figure().subplots()
    draw_diagram(ax, Diagram(names, len(DEMSARS_AUC), ranking), {name: {"color": "black"} for name in names}, LIGHT)
    bars = [line for line in ax.get_lines() if len(set(line.get_ydata())) == 1 and line.get_ydata()[0] < 0]
    found = [{names[np.abs(ranking.average - rank).argmin()] for rank in bar.get_xdata()} for bar in bars]
    assert sorted(found, key=sorted) == sorted(joined, key=sorted)
    texts = " ".join(text.get_text() for text in ax.texts)
    assert f"CD = {ranking.critical_difference:.1f}" in texts
    for name, place in zip(names, ("3.1", "2.0", "2.9", "2.0"), strict=True):
        assert re.search(rf"(^| ){re.escape(name)} \({place}\)|\({place}\) {re.escape(name)}( |$)", texts), texts


def test_nemenyis_p_values_are_those_of_scikit_posthocs_example():
    # Documented example of posthoc_nemenyi_friedman.
    x = np.array([[31, 27, 24], [31, 28, 31], [45, 29, 46], [21, 18, 48], [42, 36, 46], [32, 17, 40]], dtype=float)
    found = rank(x)
    blocks, things = x.shape
    z = np.abs(found.average[:, None] - found.average) / np.sqrt(things * (things + 1) / (6 * blocks))
    np.testing.assert_allclose(found.nemenyi_p, stats.studentized_range.sf(z * np.sqrt(2), things, np.inf), atol=1e-9)
    assert found.friedman_p == pytest.approx(stats.friedmanchisquare(*x.T).pvalue)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.integers(3, 6), st.integers(3, 20))
def test_ranks_further_apart_than_the_critical_difference_are_those_that_nemenyis_test_tells_apart(
    seed, things, blocks
):
    found = rank(np.random.default_rng(seed).normal(np.arange(things), 2, (blocks, things)))
    apart = np.abs(found.average[:, None] - found.average)
    assume((np.abs(apart - found.critical_difference) > 1e-6).all())
    np.testing.assert_array_equal(apart > found.critical_difference, found.nemenyi_p < 0.05)


def test_the_highest_value_ranks_first_and_equal_values_share_a_rank():
    assert ranks(np.array([[90.0, 95.0, 90.0, 80.0]])).tolist() == [[2.5, 1.0, 2.5, 4.0]]


def test_values_that_are_all_the_same_rank_alike():
    found = rank(np.full((5, 3), 90.0))
    assert found.friedman_p == 1
    assert (found.nemenyi_p == 1).all()


def test_too_little_to_rank_is_said_in_one_line():
    with pytest.raises(InputError, match="at least 3 criteria over 2 blocks; found 2 over 5"):
        rank(np.zeros((5, 2)))
