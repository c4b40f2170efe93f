"""The figures of the standing show what is known: no point looks certain because nothing is known of its interval."""

from dataclasses import replace

from benchmark.experiments.cells import Cell
from benchmark.report.figures.look import LIGHT
from benchmark.report.figures.standing import forest_plot, rank_plot
from benchmark.report.figures.styles import criterion_styles
from benchmark.verdicts.standing import standing

SEEDS_OF = {0.05: 4, 0.1: 1, 0.2: 2}


CRITERIA = ("magnitude", "set", "mest")


def stands(densities):
    samples = {
        Cell(criterion, "random", density): {
            seed: 80 + number * seed + seed**2 / 7 for seed in range(SEEDS_OF[density])
        }
        for number, criterion in enumerate(CRITERIA)
        for density in densities
    }
    return standing(samples)


def drawn(densities):
    return rank_plot(stands(densities), criterion_styles(CRITERIA))


def lines_at_zero(plot):
    """How many upright lines at zero the figure has."""
    return sum(list(line.get_xdata()) == [0, 0] for ax in plot.draw(LIGHT).axes for line in ax.lines)


def test_a_setting_with_few_seeds_has_no_interval_and_is_not_drawn_beside_those_that_have():
    plot = drawn((0.05, 0.1, 0.2))
    assert {row[2] for row in plot.rows} == {0.05}
    assert "fewer than 3 seeds" in plot.caption


def test_where_no_setting_has_an_interval_all_are_drawn():
    plot = drawn((0.1,))
    assert {row[2] for row in plot.rows} >= {0.1}
    assert "left out" not in plot.caption
    assert "Fewer than 3 seeds give no interval" in plot.caption
    assert "95%" not in plot.caption


def test_differences_have_a_line_at_zero_and_ranks_have_none_even_where_a_rank_is_as_large_as_a_difference():
    found = stands((0.05,))
    equal = replace(found, rows=tuple(replace(row, difference=row.rank) for row in found.rows))
    styles = criterion_styles(CRITERIA)
    assert lines_at_zero(forest_plot(found, styles)) == lines_at_zero(forest_plot(equal, styles)) == 1
    assert lines_at_zero(rank_plot(found, styles)) == lines_at_zero(rank_plot(equal, styles)) == 0


def test_captions_say_the_level_of_the_intervals_that_are_drawn():
    found = replace(stands((0.05,)), confidence=0.9)
    for plot in (forest_plot(found, criterion_styles(CRITERIA)), rank_plot(found, criterion_styles(CRITERIA))):
        assert "90% interval" in plot.caption
        assert "95%" not in plot.caption
