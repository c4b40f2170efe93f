"""The prune fraction and the learning rate over a training."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.training.learning_rate import learning_rate
from criteria.schedule import PruneFraction

total_steps = st.integers(1, 10_000)


@given(total_steps, st.sampled_from(["cosine", "linear"]))
def test_a_falling_schedule_goes_from_start_to_end(total, schedule):
    prune_fraction = PruneFraction(schedule, 0.5, 0.005)
    values = [prune_fraction.at(step, total) for step in range(0, total + 1, max(1, total // 50))]
    assert values == sorted(values, reverse=True)
    assert prune_fraction.at(0, total) == pytest.approx(0.5)
    assert prune_fraction.at(total, total) == pytest.approx(0.005)


def test_half_way_a_cosine_is_half_way():
    assert PruneFraction("cosine", 0.5, 0.1).at(50, 100) == pytest.approx(0.3)


def test_a_constant_schedule_stays():
    assert {PruneFraction("constant", 0.25).at(step, 10) for step in range(11)} == {0.25}


def test_the_learning_rate_falls_tenfold_at_half_and_three_quarters_of_the_epochs():
    rates = [learning_rate(0.1, epoch, 20, (0.5, 0.75), 0.1) for epoch in range(20)]
    assert rates == pytest.approx([0.1] * 10 + [0.01] * 5 + [0.001] * 5)


@given(st.integers(1, 99), st.integers(1, 20))
def test_a_share_of_the_epochs_that_is_a_whole_number_of_them_is_that_number(percent, hundreds):
    """0.55 · 100 is a little more than 55 in floating point."""
    rates = [learning_rate(0.1, epoch, 100 * hundreds, (percent / 100,), 0.1) for epoch in range(100 * hundreds)]
    assert rates.count(0.1) == percent * hundreds


def test_the_learning_rate_of_imagenet_warms_up_over_five_epochs_and_falls_tenfold_after_30_60_and_80():
    rates = [learning_rate(0.1, epoch, 90, (30, 60, 80), 0.1, warmup_epochs=5) for epoch in range(90)]
    assert rates[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert rates[5:] == pytest.approx([0.1] * 25 + [0.01] * 30 + [0.001] * 20 + [0.0001] * 10)
