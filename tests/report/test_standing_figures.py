"""The figures of the standing show what is known: no point looks certain because nothing is known of its interval."""

from benchmark.experiments.cells import Cell
from benchmark.report.figures.standing import rank_plot
from benchmark.report.figures.styles import criterion_styles
from benchmark.verdicts.standing import standing

SEEDS_OF = {0.05: 4, 0.1: 1, 0.2: 2}


def drawn(densities):
    samples = {
        Cell(criterion, "random", density): {
            seed: 80 + number * seed + seed**2 / 7 for seed in range(SEEDS_OF[density])
        }
        for number, criterion in enumerate(("magnitude", "set", "mest"))
        for density in densities
    }
    return rank_plot(standing(samples), criterion_styles(["magnitude", "set", "mest"]))


def test_a_setting_with_few_seeds_has_no_interval_and_is_not_drawn_beside_those_that_have():
    plot = drawn((0.05, 0.1, 0.2))
    assert {row[2] for row in plot.rows} == {0.05}
    assert "fewer than 3 seeds" in plot.caption


def test_where_no_setting_has_an_interval_all_are_drawn():
    plot = drawn((0.1,))
    assert {row[2] for row in plot.rows} >= {0.1}
    assert "left out" not in plot.caption
