"""The legend below a figure: every name is there, and can be read."""

from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

from benchmark.experiments.cells import Cell
from benchmark.report.figures import cost
from benchmark.report.figures.accuracy import accuracy_plot
from benchmark.report.figures.leaderboard import leaderboard_plot
from benchmark.report.figures.look import images, legend_below
from benchmark.report.figures.styles import criterion_styles
from benchmark.report.leaderboard import Board, Entry
from tests.report.made_up import drawn

HIDDEN = "_mine"
"""matplotlib leaves lines out of a legend whose label begins so."""
SAMPLES = {
    Cell(name, growth, density): {1: mean + 10 * density, 2: mean}
    for name, growth, mean in ((HIDDEN, "random", 80), ("magnitude", "random", 81), ("_still", None, 78))
    for density in (0.1, 0.2, 0.5)
}


def named(plot):
    (legend,) = drawn(plot).legends
    return {text.get_text() for text in legend.get_texts()}


def test_a_name_that_begins_with_an_underscore_is_in_every_legend(monkeypatch):
    assert named(accuracy_plot(list(SAMPLES), SAMPLES)) == {HIDDEN, "magnitude", "_still"}
    entries = [
        Entry(cell, values, None, (1e9, cell.density, 1e6, 0.1), {}, {}, 0, False) for cell, values in SAMPLES.items()
    ]
    boards = [Board(density, [e for e in entries if e.cell.density == density], []) for density in (0.1, 0.2, 0.5)]
    assert {f"{HIDDEN} · random", "_still"} <= named(leaderboard_plot(boards))
    assert named(costs_of(monkeypatch, is_stored=False)) == {HIDDEN, "magnitude"}


def costs_of(monkeypatch, *, is_stored):
    by_cell = {cell: [None, None] for cell in SAMPLES if cell.growth}
    monkeypatch.setattr(cost, "costs", lambda _: {cell: (cell.density, 80.0) for cell in by_cell})
    study = SimpleNamespace(samples=SAMPLES, by_cell=by_cell, is_stored=is_stored)
    return cost.cost_plot(study, criterion_styles([HIDDEN, "magnitude"]))


@pytest.mark.parametrize("is_stored", [False, True])
def test_costs_of_stored_results_are_not_said_to_be_trained_here(monkeypatch, is_stored):
    assert ("trained here" in costs_of(monkeypatch, is_stored=is_stored).caption) is not is_stored


def test_names_are_drawn_as_they_are_written_and_never_as_formulas():
    samples = {Cell(f"picky(mode='{mode}')", "random", 0.1): {1: 80.0} for mode in (r"$\foo$", "$x$", "_1^2")}
    drawing = images(accuracy_plot(list(samples), samples)).svg.decode()
    for cell in samples:
        assert f"<!-- {cell.criterion} -->" in drawing


@pytest.mark.parametrize(("letters", "columns"), [(5, 3), (30, 2), (40, 1)])
def test_a_legend_has_as_many_columns_as_the_figure_has_room_for(letters, columns):
    figure = Figure(figsize=(11, 5), layout="constrained")
    ax = figure.subplots()
    lines = {f"{number} ".ljust(letters, "m"): ax.plot([0, 1])[0] for number in range(6)}
    legend_below(figure, lines, 3)
    (legend,) = figure.legends
    figure.draw_without_rendering()
    assert legend._ncols == columns
    assert 0 <= legend.get_window_extent().x0 <= legend.get_window_extent().x1 <= figure.bbox.width
    assert [text.get_text() for text in legend.get_texts()] == list(lines)
