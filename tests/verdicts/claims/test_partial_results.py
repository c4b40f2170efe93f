"""Claims of an experiment of which any part has run: no claim fails, warns, or says what is not a number."""

import math
import re
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.experiments.cells import Cell
from benchmark.verdicts.claims import CLAIM_MEANINGS, claims, render_claims
from benchmark.verdicts.claims.cases import STUDIED

SEEDS = (1, 2, 3, 4)
CELLS = [
    *(Cell(name, growth, density) for name in STUDIED for growth in ("random", "gradient") for density in (0.02, 0.2)),
    *(Cell("static", None, density) for density in (0.02, 0.2)),
    Cell("dense", None, 1.0),
]
accuracies = st.integers(0, 450).map(lambda right: right / 4.5)
"""In percent, of a test set of 450 images."""


def judged(samples):
    """The claims by id; whatever is warned of on the way is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {outcome.id: outcome for outcome in claims(samples, 1.0)}


@st.composite
def parts(draw):
    """A part of the runs: of each criterion any seeds, and of each cell any of these."""
    allowed = {name: draw(st.sets(st.sampled_from(SEEDS))) for name in (*STUDIED, "static", "dense")}
    found = {}
    for cell in CELLS:
        ran = sorted(allowed[cell.criterion] - draw(st.sets(st.sampled_from(SEEDS), max_size=1)))
        found[cell] = {seed: draw(accuracies) for seed in ran}
    return found


@settings(deadline=None, max_examples=60)
@given(parts())
def test_whatever_part_of_the_runs_is_there_every_claim_has_a_verdict_in_words_and_numbers(samples):
    outcomes = judged(samples)
    for outcome in outcomes.values():
        assert outcome.verdict in CLAIM_MEANINGS
        if outcome.effect is not None:
            low, value, high = outcome.effect.low, outcome.effect.value, outcome.effect.high
            assert math.isfinite(value)
            assert low <= value <= high
    assert not re.search(r"\bnan\b", render_claims(list(outcomes.values())))


def at(seeds):
    """Samples of the criteria that have run, with these seeds in every cell; others have not run."""
    return {
        cell: {seed: 80.0 + seed + len(cell.criterion) / 10 for seed in seeds[cell.criterion]}
        for cell in CELLS
        if cell.criterion in seeds
    }


def test_where_no_seed_is_common_to_all_criteria_there_are_no_average_ranks_and_this_is_said():
    found = judged(at({"magnitude": (1, 2, 3, 4), "snip": (1, 2), "mest": (3, 4)}))["magnitude-first"]
    assert "no average ranks, because no seed is common to all criteria" in found.finding
    assert "least lead of magnitude over any other is" in found.finding


def test_where_magnitude_shares_no_seed_with_another_this_is_said_in_place_of_its_lead():
    found = judged(at({"magnitude": (1, 2), "set": (3, 4), "snip": (3, 4)}))["magnitude-first"]
    assert "magnitude has no seed in common with another criterion" in found.finding


@pytest.mark.parametrize("others", [{"set": (3,), "snip": (5,)}, {"snip": (3,), "reciprocal_sensitivity": (3,)}])
def test_where_no_criterion_by_magnitude_shares_a_seed_with_the_others_the_claim_is_undecided(others):
    found = judged(at({"magnitude": (1, 2), **others}))["magnitude-first"]
    assert (found.verdict, found.effect) == ("undecided", None)
    assert found.finding == "No criterion by magnitude has seeds in common with all others at density 0.02"
