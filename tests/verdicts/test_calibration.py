"""What the verdicts promise, shown by simulated experiments with known truth.

``python -m benchmark.verdicts.calibration --full`` makes the table of ``docs/verdicts.md`` from the same functions.
"""

import numpy as np
import pytest
from scipy import stats

from benchmark.verdicts.accepting import Evidence, revised
from benchmark.verdicts.calibration import of_bounds, of_check, of_standing
from benchmark.verdicts.calibration.worlds import collapsing, results, stored
from benchmark.verdicts.check import check
from benchmark.verdicts.expected import Source
from benchmark.verdicts.statistics.unstable import permutation_p, sign_flip_p, turned_p

SOURCE = Source(kind="published", reference="simulated")


def plausible(found, reruns, rate, alternative):
    """Whether chance explains that ``found`` of ``reruns`` is ``greater`` or ``less`` than ``rate`` promises."""
    return stats.binomtest(int(found), reruns, rate, alternative=alternative).pvalue > 0.001


def samples(grid, values, first_seed):
    return {cell: dict(enumerate(row, start=first_seed)) for cell, row in zip(grid.cells, values.tolist(), strict=True)}


def single(world, first, second):
    """Whether the check itself fails, of one experiment, without its claims."""
    evidence = Evidence(samples(world.grid, first, 1), SOURCE)
    expected = revised(None, evidence, experiment="simulated", metric="accuracy", tolerance=world.tolerance)
    outcome = check(samples(world.grid, second, 101), expected)
    return "deviates" in {row.verdict for row in outcome.rows} or any(shift.deviates for shift in outcome.shifts)


@pytest.mark.parametrize("shift", [0.0, -0.6])
def test_the_simulated_check_is_the_check_itself(shift):
    world = of_check.worlds(12)[0]
    generator = np.random.default_rng(1)
    moved = np.zeros((12, 40))
    moved[np.arange(12), np.arange(12)] = 2 * shift
    first = results(generator, world.grid.mean, world.std, 3)
    second = results(generator, world.grid.mean + moved, world.std, 3)
    assert of_check.fails(first, second, world).tolist() == [
        single(world, *pair) for pair in zip(first, second, strict=True)
    ]


def test_the_simulated_check_is_the_check_itself_where_cells_collapse():
    world, generator = of_check.worlds(12)[2], np.random.default_rng(7)
    first, second = (results(generator, world.grid.mean, world.std, n, grain=world.grid.grain) for n in (10, 3))
    first[6:] = collapsing(generator, first[6:], 4, 0.5)
    second[:, 0] = 21.0, 25.0, 45.0
    found = of_check.fails(first, second, world).tolist()
    assert found == [single(world, *pair) for pair in zip(first, second, strict=True)]
    assert 0 < sum(found) < 12


@pytest.mark.parametrize("world", range(5))
@pytest.mark.parametrize("sides", [(5, 5), (3, 3), (5, 1)])
@pytest.mark.parametrize("correlation", [0.0, 0.4, 0.8])
def test_an_honest_rerun_with_other_seeds_rarely_fails(world, sides, correlation):
    chosen, generator = of_check.worlds(300)[world], np.random.default_rng(2)
    first, second = (
        results(generator, chosen.grid.mean, chosen.std, n, correlation=correlation, grain=chosen.grid.grain)
        for n in sides
    )
    assert plausible(of_check.fails(first, second, chosen).sum(), 300, 0.01, "greater")


@pytest.mark.parametrize(("cells", "probability"), [(1, 0.2), (4, 0.2), (1, 0.5), (4, 0.5), (4, 0.8)])
@pytest.mark.parametrize("sides", [(3, 3), (5, 1), (10, 3)])
def test_cells_that_collapse_with_some_seeds_fail_no_honest_rerun(cells, probability, sides):
    world, generator = of_check.worlds(300)[2], np.random.default_rng(3)
    first, second = (
        collapsing(generator, results(generator, world.grid.mean, world.std, n), cells, probability) for n in sides
    )
    assert plausible(of_check.fails(first, second, world).sum(), 300, 0.01, "greater")


@pytest.mark.parametrize("probability", [0.05, 0.1, 0.3, 0.5])
@pytest.mark.parametrize(("first", "second"), [(1, 1), (3, 1), (10, 1), (3, 3)])
def test_cells_that_turn_from_no_collapse_to_collapse_by_chance_are_called_chance(first, second, probability):
    generator, reruns = np.random.default_rng(6), 2_000
    before, after = (generator.binomial(n, probability, (reruns, 144)) for n in (first, second))
    turned, able = ((before == 0) & (after == second)).sum(axis=1), ((before > 0) | (after > 0)).sum(axis=1)
    p = np.array([turned_p(int(t), int(a), second, first) for t, a in zip(turned, able, strict=True)])
    for level in (0.05, 0.01, 0.0005):
        assert plausible((p < level).sum(), reruns, level, "greater")


def test_no_split_of_many_seeds_is_said_to_be_impossible():
    same = np.linspace(30.0, 60.0, 15)  # of 15 seeds, splits are drawn
    assert 0 < sign_flip_p(same) < 1e-3
    assert 0 < permutation_p(same, same + 100) < 1e-3


def test_a_criterion_that_moved_by_one_point_is_found_with_three_seeds():
    world, generator = of_check.worlds(120)[0], np.random.default_rng(4)
    names = np.array([cell.criterion for cell in world.grid.cells])
    shift = -(names == np.unique(names[:36])[np.arange(120) % 6][:, None]).astype(float)
    first = results(generator, world.grid.mean, world.std, 3)
    second = results(generator, world.grid.mean + shift, world.std, 3)
    assert plausible(of_check.fails(first, second, world).sum(), 120, 0.9, "less")


def test_a_quiet_cell_that_moved_by_one_point_is_found_with_three_seeds():
    world, generator = of_check.worlds(120)[4], np.random.default_rng(5)
    shift = np.zeros((120, 40))
    shift[np.arange(120), np.arange(120) % 40] = -1
    first = results(generator, world.grid.mean, world.std, 3)
    second = results(generator, world.grid.mean + shift, world.std, 3)
    assert plausible(of_check.fails(first, second, world).sum(), 120, 0.7, "less")


def test_the_standing_of_equal_peers_names_no_winner_and_its_intervals_cover():
    peers = of_standing.draw("stored fmnist", "peers", 3, 50)
    settings = peers.true.shape[0] * peers.true.shape[1]
    found = (peers.found.p_improves[..., 1:] >= 0.95).any(axis=-1).sum()
    assert plausible(found, settings, 0.03, "greater")
    assert plausible((~peers.covered).sum(), peers.covered.size, 0.06, "greater")


def test_the_shipped_grids_are_as_they_are_stored():
    for name in ("fmnist-lenet300", "smoke"):
        assert len(stored(name).cells) == 40
    assert stored("smoke").grain == pytest.approx(100 / 450, abs=1e-3)


def test_no_test_that_has_to_learn_the_spreads_from_three_seeds_finds_seven_of_ten_moved_cells():
    world = of_check.worlds(4_000)[0]
    limit = 0.01 / len(world.grid.cells)
    known, share, whole = of_bounds.power(np.random.default_rng(3), world, 0.32 * limit, limit)
    assert known > 0.7 > whole > share
