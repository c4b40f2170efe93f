"""The check: which verdict a difference gets, and how it is told."""

import datetime
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.experiments.cells import Cell
from benchmark.verdicts.accepting import Evidence, revised
from benchmark.verdicts.check import check
from benchmark.verdicts.expected import Estimate, Source, StoredCell
from benchmark.verdicts.rendering import WIDTH, as_json, render
from benchmark.verdicts.statistics.unstable import unstable
from criteria.errors import InputError

MEASURED = Source(kind="measured", version="0.1.0", torch="2.11.0", device="cpu", date=datetime.date(2026, 3, 14))
PUBLISHED = Source(kind="published", reference="Table 2 of a paper")
CELL = Cell("magnitude", "gradient", 0.05)
DENSITIES = (0.02, 0.05, 0.1, 0.2)


def expecting(samples, tolerance=1.0, before=None, name="measured", provenance=MEASURED):
    evidence = Evidence(samples, provenance, name)
    return revised(before, evidence, experiment="example", metric="accuracy", tolerance=tolerance)


def seeds(*values):
    return dict(enumerate(values, start=1))


def around(mean, std, n=5, first_seed=1, order=0):
    """Values of ``n`` seeds with this mean and, but for rounding, this standard deviation; ``order`` shuffles them."""
    pattern = np.random.default_rng(order).permutation(np.linspace(-1, 1, n))
    return dict(enumerate((mean + std * pattern / pattern.std(ddof=1)).round(2).tolist(), start=first_seed))


def others(values):
    """The same values with other seeds, so that means are compared and not each seed with itself."""
    return {seed + 100: value for seed, value in values.items()}


def verdict_of(expected, measured, tolerance=1.0):
    (row,) = check({CELL: measured}, expecting({CELL: expected}, tolerance)).rows
    return row.verdict


@pytest.mark.parametrize(
    ("expected", "measured", "verdict"),
    [
        (around(85, 0.2), around(85.3, 0.2), "reproduced"),
        (around(85, 0.2), around(85.9, 0.2), "consistent"),
        (around(85, 2.0), around(85.9, 2.0), "consistent"),
        (around(85, 2.0), around(87.0, 2.0), "inconclusive"),
        (around(85, 0.2), around(82.0, 0.2), "deviates"),
        (around(85, 0.2), around(88.0, 0.2), "deviates"),
        (around(85, 0.2), around(86.0, 0.2, n=200), "consistent"),
        (seeds(85, 85, 85), seeds(85, 85, 85), "reproduced"),
        (seeds(85, 85, 85), seeds(85.5, 85.5, 85.5), "reproduced"),
        (seeds(85, 85, 85), seeds(82, 82, 82), "deviates"),
        (seeds(85), seeds(85), "reproduced"),
        (seeds(85), seeds(85.5), "consistent"),
        (seeds(85), seeds(20), "inconclusive"),
        (around(85, 0.2), seeds(85.1), "reproduced"),
        (around(85, 0.2), seeds(80), "deviates"),
        (seeds(80), around(85, 0.2), "deviates"),
        (around(85, 2.0), seeds(80), "inconclusive"),
    ],
)
def test_a_difference_gets_its_verdict(expected, measured, verdict):
    same = expected == measured
    assert verdict_of(expected, measured if same else others(measured)) == verdict


def test_runs_that_repeat_every_stored_value_are_reproduced_however_noisy_the_cell():
    values = {1: 60.123456789, 2: 90.0, 3: 75.5}
    assert verdict_of(values, values) == "reproduced"
    assert verdict_of(values, {seed + 3: value for seed, value in values.items()}) == "consistent"


def test_the_tolerance_decides_what_counts_as_the_same():
    assert verdict_of(around(85, 0.2), around(82, 0.2), tolerance=4.0) == "reproduced"
    assert verdict_of(around(85, 0.2), around(84, 0.2), tolerance=0.1) == "deviates"


values = st.dictionaries(
    st.integers(1, 6), st.integers(4000, 6000).map(lambda hundredths: hundredths / 100), min_size=1, max_size=6
)
sides = st.dictionaries(
    st.builds(Cell, st.sampled_from(["snip", "set"]), st.none(), st.sampled_from(DENSITIES)),
    st.tuples(values, values),
    min_size=1,
    max_size=6,
)


def verdicts(first, second):
    outcome = check(second, expecting(first))
    return [row.verdict for row in outcome.rows], [shift.deviates for shift in outcome.shifts]


def side(pairs, index, add=0.0):
    return {cell: {seed: value + add for seed, value in pair[index].items()} for cell, pair in pairs.items()}


@settings(deadline=None, max_examples=40)
@given(sides)
def test_a_verdict_does_not_depend_on_which_side_was_stored(pairs):
    assert verdicts(side(pairs, 0), side(pairs, 1)) == verdicts(side(pairs, 1), side(pairs, 0))


@settings(deadline=None, max_examples=40)
@given(sides, st.integers(-20, 20))
def test_a_verdict_does_not_change_when_both_sides_move_together(pairs, points):
    assert verdicts(side(pairs, 0, points), side(pairs, 1, points)) == verdicts(side(pairs, 0), side(pairs, 1))


def grid(mean=85.0, std=0.2, **shifts):
    """Cells of four criteria at four densities; ``shifts`` move all cells of a criterion."""
    cells = [Cell(c, "random", density) for c in ("magnitude", "mest", "set", "snip") for density in DENSITIES]
    return {
        cell: around(mean + shifts.get(cell.criterion, 0.0), std, order=number) for number, cell in enumerate(cells)
    }


def test_cells_that_are_not_on_both_sides_are_named_as_such():
    expected, measured = grid(), grid()
    missing, unexpected = Cell("mest", "random", 0.1), Cell("static", None, 0.1)
    del measured[missing]
    measured[unexpected] = seeds(80, 81)
    rows = {row.cell: row for row in check(measured, expecting(expected)).rows}
    assert rows[missing].verdict == "missing"
    assert rows[missing].measured is None
    assert rows[unexpected].verdict == "unexpected"
    assert rows[unexpected].expected is None
    assert {row.verdict for cell, row in rows.items() if cell not in (missing, unexpected)} == {"reproduced"}


@pytest.mark.parametrize(
    ("measured", "overall", "status", "strict_status"),
    [
        (grid(), "reproduced", 0, 0),
        (grid(std=2.0), "consistent", 0, 0),
        ({**grid(), Cell("static", None, 0.1): seeds(80)}, "unexpected", 0, 0),
        (dict(list(grid().items())[1:]), "missing", 0, 1),
        ({**grid(), CELL: seeds(80)} | {Cell("set", "random", 0.1): around(83, 4.0)}, "inconclusive", 0, 1),
        (grid(snip=-3.0), "deviates", 1, 1),
    ],
)
def test_only_a_deviation_fails_and_with_strict_also_what_is_missing_or_inconclusive(
    measured, overall, status, strict_status
):
    outcome = check({cell: others(values) for cell, values in measured.items()}, expecting(grid()))
    assert outcome.overall == overall
    assert outcome.exit_status() == status
    assert outcome.exit_status(strict=True) == strict_status


def test_a_check_without_any_result_is_refused():
    for measured in ({}, {Cell("snip", "random", 0.1): {}}):
        with pytest.raises(InputError, match="there is no result to check"):
            check(measured, expecting(grid()))


def test_a_part_without_a_result_and_without_an_expected_value_is_refused():
    published = expecting(grid()).model_copy(update={"cells": (), "sources": {"paper": PUBLISHED}})
    with pytest.raises(InputError, match="no cell that was asked for has a result or an expected value"):
        check({}, published)


def test_with_strict_something_must_have_been_compared():
    outcome = check({Cell("static", None, 0.1): seeds(80, 81)}, expecting(grid()).model_copy(update={"cells": ()}))
    assert outcome.overall == "unexpected"
    assert [outcome.exit_status(), outcome.exit_status(strict=True)] == [0, 1]


def test_a_new_criterion_alone_is_unexpected_and_fails_nothing():
    outcome = check({Cell("mine", "random", 0.1): seeds(80, 81)}, expecting({CELL: seeds(80, 81)}))
    assert {row.verdict for row in outcome.rows} == {"unexpected", "missing"}
    assert outcome.exit_status() == 0
    assert "so nothing was compared" in " ".join(render(outcome).split())


def test_a_result_that_is_no_percentage_is_refused_by_cell_and_seed():
    with pytest.raises(InputError, match=r"magnitude · gradient · 0\.05, seed 2: .*not nan"):
        check({CELL: seeds(80, float("nan"))}, expecting({CELL: seeds(80, 81)}))


def elsewhere(**how):
    """The grid with other seeds."""
    return {cell: others(values) for cell, values in grid(**how).items()}


def test_a_criterion_that_moved_is_found_where_every_single_cell_is_too_noisy():
    outcome = check(elsewhere(std=1.5, mest=-3.0), expecting(grid(std=1.5)))
    assert "deviates" not in {row.verdict for row in outcome.rows}
    assert [shift.name for shift in outcome.shifts if shift.deviates and shift.kind == "criterion"] == ["mest"]
    assert outcome.overall == "deviates"
    assert "deviates: mest, all its 4 cells (measured): moved by -3.00 points against the others" in render(outcome)


def test_a_criterion_that_moved_less_than_the_tolerance_does_not_deviate():
    outcome = check(elsewhere(std=0.1, mest=-0.9), expecting(grid(std=0.1)))
    moved = {shift.name: shift for shift in outcome.shifts}["mest"]
    assert moved.p_adjusted < 1e-6
    assert not moved.deviates


def test_what_is_said_of_a_criterion_is_of_the_cells_that_were_tested():
    """A cell of two noisy seeds is in no test of all cells together, so it may not decide how far they moved."""
    measured = elsewhere(std=0.1, mest=0.3)
    odd = next(cell for cell in measured if cell.criterion == "mest")
    complete = {s.name: s for s in check(measured, expecting(grid(std=0.1))).shifts}["mest"]
    few = dict(list(measured[odd].items())[:2])
    measured[odd] = {seed: value - 5 + 4 * place for place, (seed, value) in enumerate(few.items())}
    moved = {s.name: s for s in check(measured, expecting(grid(std=0.1))).shifts}["mest"]
    assert moved.cells == complete.cells - 1
    assert moved.difference == pytest.approx(complete.difference, abs=0.1)
    assert not moved.deviates


def test_every_source_is_judged_by_itself():
    expected = expecting(grid(snip=-3.0), before=expecting(grid()), name="paper", provenance=PUBLISHED)
    outcome = check(grid(), expected)
    assert {row.verdict for row in outcome.rows if row.source == "measured"} == {"reproduced"}
    assert {row.source for row in outcome.rows if row.verdict == "deviates"} == {"paper"}
    assert [(s.name, s.source) for s in outcome.shifts if s.deviates and s.kind == "criterion"] == [("snip", "paper")]


def test_printed_values_without_seeds_or_spread_are_compared_too():
    printed = StoredCell(criterion="magnitude", growth="gradient", density=0.05, paper=Estimate(mean=85.1, n=5))
    expected = expecting({CELL: seeds(85)}).model_copy(update={"sources": {"paper": PUBLISHED}, "cells": (printed,)})
    assert check({CELL: around(85, 0.2)}, expected).overall == "reproduced"
    assert check({CELL: around(82, 0.2)}, expected).overall == "deviates"
    assert check({CELL: seeds(85)}, expected).overall == "consistent"


@pytest.mark.parametrize(
    ("wrong", "warned"),
    [({"mean": 86.0}, True), ({"std": 0.5}, True), ({"n": 4}, True), ({"std": None}, True), ({"mean": 85.004}, False)],
)
def test_a_summary_that_is_not_that_of_its_values_is_pointed_out_but_compared_as_written(wrong, warned):
    kept = Estimate.from_values(around(85, 0.2)).model_copy(update=wrong)
    stored = StoredCell(**CELL.to_mapping(), measured=kept)
    expected = expecting({CELL: seeds(85)}).model_copy(update={"cells": (stored,)})
    outcome = check({CELL: around(85, 0.2)}, expected)
    assert outcome.rows[0].expected == kept.summary
    assert outcome.rows[0].difference == pytest.approx(85 - kept.mean)
    assert outcome.overall == ("consistent" if "mean" in wrong and warned else "reproduced")
    assert [str(CELL) in warning for warning in outcome.warnings] == ([True] if warned else [])


def test_a_check_of_single_seeds_says_that_it_can_judge_nothing():
    outcome = check({CELL: seeds(85)}, expecting({CELL: seeds(86)}))
    assert "no spread is known" in render(outcome)
    assert "no spread is known" not in render(check({CELL: seeds(85)}, expecting({CELL: seeds(86, 87)})))


def test_a_change_of_all_cells_is_found_where_each_stays_within_the_tolerance():
    outcome = check(elsewhere(mean=84.5), expecting(grid()))
    assert {row.verdict for row in outcome.rows} == {"reproduced"}
    assert [shift.kind for shift in outcome.shifts if shift.deviates] == ["together"]
    assert "deviates: all 16 cells together (measured): moved by -0.50 points on average" in render(outcome)


def test_two_criteria_that_changed_places_are_found_by_their_contrast():
    """Each cell moves by 0.8, less than the tolerance; the difference to magnitude by 1.6."""
    outcome = check(elsewhere(magnitude=0.8, snip=0.0), expecting(grid(magnitude=0.0, snip=0.8)))
    assert "deviates" not in {row.verdict for row in outcome.rows}
    found = {shift.name for shift in outcome.shifts if shift.deviates and shift.kind == "contrast"}
    assert "snip - magnitude, all densities" in found


def test_a_lead_over_static_is_compared_too_where_static_lacks_an_axis_of_the_criterion():
    """Each cell moves by 0.8, less than the tolerance; the difference to static, which has no period, by 1.6."""
    periods = [(("update_period", period),) for period in (25, 100, 400)]

    def values(lead):
        cells = {Cell("magnitude", "random", density, p): lead for density in DENSITIES for p in periods}
        cells |= {Cell("static", None, density): -lead for density in DENSITIES}
        return {cell: around(85 + each, 0.2, order=number) for number, (cell, each) in enumerate(cells.items())}

    outcome = check({cell: others(each) for cell, each in values(-0.4).items()}, expecting(values(0.4)))
    assert "deviates" not in {row.verdict for row in outcome.rows}
    found = {shift.name for shift in outcome.shifts if shift.deviates and shift.kind == "contrast"}
    assert found >= {"magnitude - static · 0.05 · update_period=25", "magnitude - static, all densities"}


def test_runs_with_the_same_seeds_and_arithmetic_must_be_equal():
    """One run of eighty, by a hundredth of a point."""
    measured = grid()
    cell = next(iter(measured))
    measured[cell] = {**measured[cell], 2: round(measured[cell][2] + 0.01, 2)}
    outcome = check(measured, expecting(grid()))
    assert outcome.depths == {"measured": "bits"}
    assert outcome.exit_status() == 1
    (bits,) = outcome.bits
    assert (bits.runs, [(run.cell, run.seed) for run in bits.differing]) == (80, [(cell, 2)])
    told = " ".join(render(outcome).split())
    assert f"1 of 80 runs are not equal to 'measured' bit for bit; the first is {cell}, seed 2" in told


def test_a_run_with_another_digest_differs_though_its_accuracy_is_the_same():
    samples = grid()
    evidence = Evidence(
        samples, MEASURED, digests={cell: dict.fromkeys(values, "a") for cell, values in samples.items()}
    )
    expected = revised(None, evidence, experiment="example", metric="accuracy", tolerance=1.0)
    cell = next(iter(samples))
    digests = {each: dict.fromkeys(values, "a") for each, values in samples.items()}
    assert check(samples, expected, digests=digests).overall == "reproduced"
    outcome = check(samples, expected, digests={**digests, cell: {**digests[cell], 3: "b"}})
    assert [(run.cell, run.seed) for run in outcome.bits[0].differing] == [(cell, 3)]
    assert outcome.exit_status() == 1


def test_results_of_a_machine_that_rounds_differently_are_compared_seed_by_seed():
    """Every value a little off, all by the seeds that were stored: nothing deviates, and the intervals are short."""
    generator = np.random.default_rng(1)
    nearby = {
        cell: {seed: round(value + 0.05 * generator.standard_normal(), 2) for seed, value in values.items()}
        for cell, values in grid(std=2.0).items()
    }
    outcome = check(nearby, expecting(grid(std=2.0)))
    assert outcome.depths == {"measured": "paired"}
    assert outcome.overall == "reproduced"


def test_two_runs_that_moved_by_the_same_test_image_are_no_certainty():
    """Results have all their decimals and stored ones four; a step is still that of one of 450 test images."""
    cells = [Cell(criterion, "random", density) for criterion in ("magnitude", "mest") for density in DENSITIES]
    right = {cell: {1: 400 + 3 * number, 2: 407 + 2 * number} for number, cell in enumerate(cells)}
    stored, now = (
        {cell: {seed: 100 * (each + more) / 450 for seed, each in found.items()} for cell, found in right.items()}
        for more in (0, 1)
    )
    outcome = check(now, expecting(stored))
    assert outcome.depths == {"measured": "paired"}
    assert all(row.interval[0] < -0.1 < 0.5 < row.interval[1] for row in outcome.rows)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_part_of_the_stored_seeds_is_compared_with_the_same_part(n):
    """Ten seeds are stored and a few are run, as continuous integration does, with the same results."""
    cells = [Cell(c, "random", density) for c in ("magnitude", "mest", "snip") for density in DENSITIES]
    stored = {cell: around(80 + index, 3.0, n=10, order=index) for index, cell in enumerate(cells)}
    few = {cell: {seed: values[seed] for seed in list(values)[:n]} for cell, values in stored.items()}
    outcome = check(few, expecting(stored))
    assert {row.verdict for row in outcome.rows} == {"reproduced"}
    assert not [shift for shift in outcome.shifts if shift.deviates]
    moved = {cell: {seed: value - 4 for seed, value in values.items()} for cell, values in few.items()}
    assert n == 1 or check(moved, expecting(stored)).overall == "deviates"


def test_of_two_sides_the_quieter_one_says_which_gap_is_a_collapse():
    quiet, broken = np.array([[90.0, 90.2, 90.1]]), np.array([[90.0, 60.0, 90.1]])
    assert unstable(quiet, broken, chance=10.0).tolist() == unstable(broken, quiet, chance=10.0).tolist() == [True]
    assert unstable(quiet, quiet, chance=10.0).tolist() == [False]


def test_a_cell_that_collapses_with_some_seeds_is_unstable_and_not_deviating():
    measured, stored = elsewhere(), grid()
    cell = next(iter(stored))
    stored[cell], measured[cell] = seeds(10.2, 10.2, 10.0, 10.2, 25.8), others(seeds(26.0, 24.9, 10.1, 25.2, 26.3))
    outcome = check(measured, expecting(stored))
    assert {row.cell: row.verdict for row in outcome.rows}[cell] == "unstable"
    assert outcome.exit_status(strict=True) == 0


def fallen(n, m, stored=95.7, std=1.0):
    """The outcome where one cell of ``n`` stored seeds falls with all of ``m`` new ones, each to another depth."""
    before, now = grid(std=std), elsewhere(std=std)
    cell = next(iter(before))
    before[cell], now[cell] = around(stored, 0.3, n=n), others(seeds(*[21.0, 25.0, 45.0, 33.0, 60.0][:m]))
    return cell, check(now, expecting(before))


@pytest.mark.parametrize(("n", "m"), [(10, 3), (5, 5), (20, 3)])
def test_a_cell_that_falls_with_every_seed_deviates_where_chance_hardly_explains_it(n, m):
    cell, outcome = fallen(n, m)
    assert outcome.exit_status() == 1
    assert f"deviates: {cell} collapses now with every seed (measured)" in render(outcome)


@pytest.mark.parametrize(("n", "m"), [(3, 3), (5, 3)])
def test_a_cell_that_falls_with_few_seeds_may_do_so_by_chance(n, m):
    cell, outcome = fallen(n, m)
    assert {row.cell: row.verdict for row in outcome.rows}[cell] == "unstable"
    assert outcome.exit_status() == 0


def test_a_cell_that_falls_with_every_seed_is_unstable_where_a_stored_seed_had_fallen():
    before, now = grid(std=1.0), elsewhere(std=1.0)
    cell = next(iter(before))
    before[cell], now[cell] = {**around(95.7, 0.3, n=9), 10: 30.0}, others(seeds(21.0, 25.0, 45.0))
    assert {row.cell: row.verdict for row in check(now, expecting(before)).rows}[cell] == "unstable"


def test_a_criterion_that_collapses_with_every_seed_deviates():
    measured = {
        cell: dict.fromkeys(values, 10.0) if cell.criterion == "snip" else values
        for cell, values in elsewhere(std=1.0).items()
    }
    outcome = check(measured, expecting(grid(std=1.0)))
    assert outcome.exit_status() == 1
    assert "4 cells that collapse now with every seed" in render(outcome)


def test_the_text_has_a_line_per_cell_in_100_columns_and_ends_with_what_deviates():
    long_name = Cell("reciprocal_sensitivity", "gradient", 0.05)
    gone = Cell("snip", "random", 0.1)
    expected = {**grid(), long_name: around(85, 1.2)}
    measured = {**grid(set=-3.0), long_name: around(85.5, 1.2)}
    del measured[gone]
    text = render(check({cell: others(values) for cell, values in measured.items()}, expecting(expected)))
    lines = text.splitlines()
    assert max(map(len, lines)) <= WIDTH
    for cell in expected:
        assert sum(line.startswith(f"{cell} ") for line in lines) == 1
    assert any(line.startswith(f"{long_name}  85.00 ± 1.20  85.50 ± 1.20  +0.50 ± ") for line in lines)
    assert "deviates: 11 reproduced, 1 consistent, 1 missing, 4 deviates" in lines
    for told in [*(f"set · random · {density}" for density in DENSITIES), "set, all its 4 cells"]:
        assert sum(line.startswith(f"deviates: {told} (") for line in lines) == 1


def test_where_the_number_of_seeds_varies_every_line_says_it():
    text = render(check({**grid(), CELL: seeds(85)}, expecting({**grid(), CELL: around(85, 0.2)})))
    assert "85.00 ± 0.20 (5)" in text
    assert "85.00 (1)" in text
    assert "n = 5" in text


def test_the_json_has_the_same_verdicts_and_is_json_even_without_an_interval():
    outcome = check({CELL: seeds(20)}, expecting({CELL: seeds(85)}))

    def refuse(constant):
        raise AssertionError(constant)

    told = json.loads(as_json(outcome), parse_constant=refuse)
    assert told["overall"] == "inconclusive"
    assert told["rows"][0]["cell"] == {**CELL.to_mapping(), "extra": {}}
    assert told["rows"][0]["interval"] == [None, None]
    assert told["rows"][0]["difference"] == -65
    told = json.loads(as_json(check(elsewhere(snip=-3), expecting(grid()))))
    assert {row["cell"]["criterion"] for row in told["rows"] if row["verdict"] == "deviates"} == {"snip"}
    assert "snip" in [shift["name"] for shift in told["shifts"] if shift["deviates"]]
