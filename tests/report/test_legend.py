"""The legend below a figure: every name can be read whole."""

import pytest
from matplotlib.figure import Figure

from benchmark.report.figures.look import legend_below


@pytest.mark.parametrize(("letters", "columns"), [(5, 3), (30, 2), (60, 1)])
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
