"""Races: decisions that may be looked at after every seed."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmark.verdicts.calibration.of_race import fixed_seeds, outcomes
from benchmark.verdicts.race import FIRST, Decision, decide, next_seeds, sentence
from benchmark.verdicts.statistics.sequential import SCALES, critical_t, log_evidence


def test_a_clear_lead_is_better_and_its_opposite_worse():
    lead = [1.0, 1.2, 0.9, 1.1, 1.0, 0.95]
    assert decide(lead).outcome == "better"
    assert decide([-value for value in lead]).outcome == "worse"


def test_a_hopeless_plugin_is_decided_after_a_few_seeds():
    assert decide([-68.2, -67.9, -69.0]).outcome == "worse"


def test_copies_are_equivalent_and_never_better():
    for seeds in range(2, 30):
        assert decide([0.0] * seeds, grain=0.01).outcome == ("undecided" if seeds < FIRST else "equivalent")


def test_a_small_difference_that_is_known_well_is_equivalent():
    values = np.random.default_rng(1).normal(0.02, 0.05, 20)
    assert decide(values).outcome == "equivalent"


@given(st.lists(st.floats(-100, 100), max_size=4))
def test_too_few_seeds_leave_everything_open_and_say_how_many_more(values):
    decision = decide(values[:1])
    assert decision.outcome == "undecided"
    assert decision.more >= 1
    assert (decision.low, decision.high) == (-math.inf, math.inf)


@settings(deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=2, max_size=40), st.integers(1, 12))
def test_more_comparisons_never_make_an_interval_shorter(values, comparisons):
    alone, together = decide(values), decide(values, comparisons=comparisons)
    assert together.low <= alone.low
    assert together.high >= alone.high


def test_the_evidence_is_the_ratio_of_the_densities_of_t():
    """For one scale: noncentral t averaged over an effect size N(0, ρ²), over central t (numerical integration)."""
    n, t = 6, 2.3
    effects = np.linspace(-60, 60, 40_001)
    ratio = 0.0
    for scale, weight in SCALES:
        density = stats.nct.pdf(t, n - 1, effects * np.sqrt(n)) * stats.norm.pdf(effects, scale=scale)
        ratio += weight * np.trapezoid(np.nan_to_num(density), effects) / stats.t.pdf(t, n - 1)
    assert math.exp(log_evidence(t, n)) == pytest.approx(ratio, rel=1e-3)


def test_the_critical_t_is_where_the_evidence_reaches_the_level():
    for n in (4, 6, 20, 100):
        assert log_evidence(critical_t(n, 0.05), n) == pytest.approx(math.log(20), abs=1e-6)
    assert critical_t(2, 0.001) == math.inf


def test_equals_are_called_different_in_fewer_than_one_race_in_twenty():
    generator = np.random.default_rng(3)
    _, better, worse = outcomes(generator.standard_normal((4_000, 200)), 0.05, 0.0)
    assert 0.01 < (better | worse).mean() < 0.05


def test_a_t_test_after_every_seed_would_be_wrong_far_more_often():
    """What a race is for: the same looks, at the level that a single look has."""
    values = np.random.default_rng(3).standard_normal((1_000, 60))
    n = np.arange(2, 61)
    means = values.cumsum(axis=1)[:, 1:] / n
    squares = (values**2).cumsum(axis=1)[:, 1:] - n * means**2
    t = np.abs(means) / np.sqrt(squares / (n - 1) / n)
    assert (t > stats.t.ppf(0.975, n - 1)).any(axis=1).mean() > 0.2


def test_a_lead_of_one_standard_deviation_is_found_with_fewer_seeds_than_a_fixed_design():
    effect = 1 / np.sqrt(2)
    when, better, _ = outcomes(effect + np.random.default_rng(4).standard_normal((2_000, 300)), 0.05, 0.0)
    assert better.mean() > 0.99
    assert np.median(when) < fixed_seeds(effect, 0.05, 0.9)


def test_the_rule_for_many_races_is_the_rule_for_one():
    values = np.random.default_rng(5).normal(0.1, 0.2, (40, 60))
    when, better, worse = outcomes(values, 0.05, 0.3)
    for race, seeds in enumerate(when.astype(int)):
        decision = decide(values[race, :seeds])
        assert decision.outcome == ("better" if better[race] else "worse" if worse[race] else "equivalent")
        assert decide(values[race, : seeds - 1]).outcome == "undecided"


def test_where_a_thousand_seeds_would_not_decide_none_is_foreseen():
    decision = decide([4.0, -4.0, 3.9, -3.9], margin=0.01)
    assert (decision.outcome, decision.more) == ("undecided", None)


def test_a_thousand_seeds_are_foreseen_where_only_they_would_decide():
    lead = 1.0
    spread = 1.01 * math.sqrt(1_000) / critical_t(1_000, 0.05)  # of 1,000 seeds, which is too wide
    assert [decide_foreseen(lead, share * spread) for share in (1, 0.98)] == [None, 1_000 - 9]


def decide_foreseen(lead, spread):
    """How many more seeds a race foresees whose nine differences have this mean and standard deviation."""
    noise = np.array([-1.0, 1.0] * 4 + [0.0])
    return decide(lead + spread * noise / noise.std(ddof=1), margin=0.01).more


def test_seeds_go_to_what_is_undecided_the_closest_first():
    decisions = {
        "hopeless": Decision("undecided", 9, 0.0, -5, 5, None),
        "far": Decision("undecided", 8, 0.1, -1, 1, 40),
        "close": Decision("undecided", 8, 0.4, -0.1, 1, 1),
        "done": Decision("better", 8, 0.9, 0.1, 1, 0),
        "new": Decision("undecided", 0, math.nan, -math.inf, math.inf, 3),
    }
    assert list(next_seeds(decisions).items()) == [("close", 1), ("new", 3), ("far", 2), ("hopeless", 3)]


def test_a_decision_is_told_in_a_sentence():
    better = decide([1.0, 1.2, 0.9, 1.1, 1.0, 0.95])
    assert sentence("mine", "magnitude", " at 0.05", better, 0.3).startswith(
        "mine is better than magnitude at 0.05 by 0."
    )
    worse = sentence("mine", "magnitude", "", decide([-68.2, -67.9, -69.0]), 0.3)
    assert worse.startswith("mine is worse than magnitude by ")
    assert worse.endswith(" points after 3 seeds")
    open_ = sentence("mine", "magnitude", "", decide([0.3, -0.2, 0.1]), 0.3)
    assert open_.startswith("mine and magnitude are undecided after 3 seeds (mean difference +0.067 points, -")
    assert re.search(r" points, -\S+ to \+\S+\); about \d+ more would tell$", open_)
    one = sentence("mine", "magnitude", "", decide([0.3]), 0.3)
    assert one == "mine and magnitude are undecided after 1 seed; about 2 more would tell"
    hopeless = sentence("mine", "magnitude", "", decide([4.0, -4.0, 3.9, -3.9]), 0.01)
    assert hopeless.endswith("); more than 1,000 seeds would tell")
    copies = decide([0.0, 0.0, 0.0])
    for diverged, said in (
        ((0, 0), ""),
        ((3, 0), ", of which 3 runs of mine diverged"),
        ((0, 1), ", of which 1 run of magnitude diverged"),
        ((3, 3), ", of which 3 runs of mine and 3 runs of magnitude diverged"),
    ):
        told = sentence("mine", "magnitude", "", replace(copies, diverged=diverged), 0.3)
        assert told == f"mine and magnitude are equivalent within 0.3 points after 3 seeds{said}"
