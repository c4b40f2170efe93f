"""What figures against other axes than density promise: settings are never mixed, and gaps show as gaps."""

import numpy as np
import pytest
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg

from benchmark.experiments.cells import Cell
from benchmark.report.figures.accuracy import accuracy_plot
from benchmark.report.figures.axes import DENSITY, axes, panels, references, setting
from benchmark.report.figures.dense import dense_plot
from benchmark.report.figures.gains import gains_plot
from benchmark.report.figures.look import LIGHT, _settings, figure_of_panels, leftmost
from benchmark.report.figures.mest_lambda import lambda_plot
from benchmark.report.figures.ranks import diagram, ranks_plot
from benchmark.verdicts.samples import over_baseline
from tests.report.made_up import drawn

PERIODS = (25, 100, 400)
CRITERIA = ("magnitude", "set", "snip")


def cell(criterion, growth, density, **extra):
    return Cell(criterion, growth, density, tuple(extra.items()))


def sweep(densities=(0.1, 0.2), periods=PERIODS):
    """Every cell has an accuracy of its own, so that a mixed-up one shows."""
    found = {cell("static", None, density): 50 + 10 * density for density in densities}
    found[cell("dense", None, 1.0)] = 70.0
    for number, (density, period, growth, name) in enumerate(
        (d, p, g, n) for d in densities for p in periods for g in ("random", "gradient") for n in CRITERIA
    ):
        found[cell(name, growth, density, update_period=period)] = 55 + number / 10
    return {place: {1: mean - 0.2, 2: mean + 0.2} for place, mean in found.items()}


def title_of(ax):
    """The title of a panel, whatever lines it is set in."""
    return ax.get_title(loc="left").replace("\n", " · ")


def mean(values):
    return np.mean(list(values.values()))


def test_an_experiment_is_drawn_against_what_it_varies():
    assert [axis.name for axis in axes(sweep())] == ["update_period"]
    assert [axis.name for axis in axes(sweep(densities=(0.1, 0.2, 0.5)))] == ["update_period", "density"]
    assert [axis.name for axis in axes(sweep(periods=(25, 100)))] == ["density"]
    assert axes({cell("magnitude", "random", 1.0): {1: 80.0}}) == []


def test_each_growth_and_density_has_its_panel_against_the_update_period():
    samples = sweep()
    figure = drawn(accuracy_plot(list(samples), samples, setting("update_period")))
    titles = [title_of(ax) for ax in figure.axes]
    assert titles == [f"{g} growth · density {d}" for d in (0.1, 0.2) for g in ("random", "gradient")]
    for ax, (density, growth) in zip(
        figure.axes, [(d, g) for d in (0.1, 0.2) for g in ("random", "gradient")], strict=True
    ):
        assert ax.get_xscale() == "log"
        for name in CRITERIA:
            (line,) = (line for line in ax.get_lines() if line.get_label() == name)
            expected = [mean(samples[cell(name, growth, density, update_period=period)]) for period in PERIODS]
            np.testing.assert_allclose(line.get_ydata(), expected)
        levels = {
            line.get_label(): line.get_ydata()[0] for line in ax.get_lines() if line.get_label() in ("static", "dense")
        }
        assert levels == pytest.approx({"static": 50 + 10 * density, "dense": 70.0})


@pytest.mark.parametrize("axis", [DENSITY, setting("update_period"), setting("depth")], ids=lambda axis: axis.name)
def test_every_cell_that_can_be_placed_is_in_one_panel_at_one_place_of_one_line(axis):
    samples = sweep() | {
        cell("snip", "random", 0.1, update_period=period, depth=depth): {1: 80.0}
        for period in PERIODS
        for depth in (2, 4)
    }
    seen = [
        (title, axis.line(each), axis.place(each))
        for title, cells in panels(axis, list(samples), samples).items()
        for each in cells
    ]
    assert len(set(seen)) == len(seen)
    assert len(seen) == sum(each.growth is not None and axis.place(each) is not None for each in samples)


def test_a_panel_of_a_density_has_the_baseline_of_that_density_and_not_its_network_with_all_weights():
    samples = {cell("static", None, 1.0): {1: 90.0, 2: 90.4}, **sweep(densities=(0.1,))}
    (panel, *_) = panels(setting("update_period"), list(samples), samples).values()
    found = references(setting("update_period"), panel, list(samples))
    assert found == {"static": [cell("static", None, 0.1)], "dense": [cell("dense", None, 1.0)]}


def test_a_place_without_any_result_is_left_out_and_said():
    samples = sweep()
    grid = list(samples)
    known = {each: values for each, values in samples.items() if ("update_period", 100) not in each.extra}
    plot = accuracy_plot(grid, known, setting("update_period"))
    assert "Nothing has been run at update period 100." in plot.caption
    for ax in drawn(plot).axes:
        (line,) = (line for line in ax.get_lines() if line.get_label() == "set")
        assert len(line.get_ydata()) == 2
        assert not np.isnan(line.get_ydata()).any()


def test_a_point_without_neighbours_shows_its_spread_too():
    samples = {cell("snip", "random", 0.1): {1: 80.0, 2: 84.0}, cell("dense", None, 1.0): {1: 90.0, 2: 91.0}}
    (ax,) = drawn(accuracy_plot(list(samples), samples)).axes
    bars = [c for c in ax.collections if type(c).__name__ == "LineCollection"]
    low, high = bars[0].get_segments()[0][:, 1]
    spread = np.std([80, 84], ddof=1)
    assert (low, high) == pytest.approx((82 - spread, 82 + spread))


def test_a_baseline_that_collapses_is_named_at_the_edge_and_a_criterion_that_does_is_drawn():
    samples = {cell("static_magnitude", None, 0.1): {1: 10.0}, cell("static_magnitude", None, 0.2): {1: 80.0}}
    samples |= {cell(name, "random", d): {1: 80.0 + d} for name in ("magnitude", "set") for d in (0.1, 0.2)}
    plot = accuracy_plot(list(samples), samples, DENSITY)
    (ax,) = drawn(plot).axes
    assert [each.get_text() for each in ax.texts] == ["static_magnitude: 10.0%"]
    assert ax.get_ylim()[0] > 70
    assert ("Triangles at the lower edge" in plot.caption, "stretched" in plot.caption) == (True, False)

    samples[cell("set", "random", 0.1)] = {1: 10.0}
    plot = accuracy_plot(list(samples), samples, DENSITY)
    (ax,) = drawn(plot).axes
    assert ax.get_ylim()[0] < 10
    assert "stretched" in plot.caption


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (3, 1, 3), (4, 2, 2), (5, 3, 2)])
def test_of_many_panels_two_are_in_a_row_and_each_has_the_values_of_its_axis(count, rows, columns):
    figure, panels_of_it = figure_of_panels(count, width=4.0, height=3.0, margin=1.0)
    assert figure.axes == panels_of_it
    assert panels_of_it[0].get_subplotspec().get_gridspec().get_geometry() == (rows, columns)
    assert len(leftmost(panels_of_it)) == rows
    assert all(ax.xaxis.get_tick_params()["labelbottom"] for ax in panels_of_it)


def test_a_setting_that_can_be_zero_has_a_plain_axis():
    samples = {cell("snip", "random", 0.1, dropout=p): {1: 80.0 + p} for p in (0.0, 0.1, 0.5)}
    (axis,) = axes(samples)
    (ax,) = drawn(accuracy_plot(list(samples), samples, axis)).axes
    assert ax.get_xscale() == "linear"
    low, high = ax.get_xlim()
    assert low < 0 < 0.5 < high


def test_gains_are_over_the_static_network_that_shares_the_setting():
    varied = {
        cell(name, growth, 0.1, batch_size=size): {1: mean, 2: mean}
        for name, growth, gain in (("static", None, 0.0), ("set", "random", 2.0))
        for size in (64, 128, 1024)
        for mean in [50 + size / 100 + gain]
    }
    found = over_baseline([each for each in varied if each.growth], varied, "static")
    assert [gain.value for gain in found.values()] == pytest.approx([2.0] * 3)


def test_the_gains_of_a_sweep_have_a_column_for_each_value():
    samples = sweep()
    figure = drawn(gains_plot(list(samples), samples, setting("update_period")))
    assert len(figure.axes) == 4
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["25", "100", "400"]
    numbers = [text for ax in figure.axes for text in ax.texts if "±" not in text.get_text()]
    assert len(numbers) == 2 * 2 * len(PERIODS) * len(CRITERIA)


def test_every_value_of_a_further_setting_is_a_block_of_the_ranks():
    samples = sweep()
    ranked = diagram([each for each in samples if each.growth is not None], samples)
    assert ranked.settings == 2 * 2 * len(PERIODS)
    assert ranked.ranking.average.tolist() == [3.0, 2.0, 1.0]  # within each, later criteria are better
    assert ranks_plot(list(samples), samples) is not None


def test_the_lambda_of_mest_is_an_axis_with_a_line_for_each_density():
    values = {0.01: 81.0, 1.0: 82.0, 100.0: 75.0}
    samples = {
        cell("mest" if lambda_ == 1 else f"mest(lambda_={lambda_})", "random", density): {1: value + density}
        for lambda_, value in values.items()
        for density in (0.1, 0.2)
    } | {cell("magnitude", "random", 0.1): {1: 80.0}}
    (ax,) = drawn(lambda_plot(list(samples), samples)).axes
    assert sorted(line.get_label() for line in ax.get_lines()) == ["density 0.1", "density 0.2"]
    for line, density in zip(ax.get_lines(), (0.1, 0.2), strict=True):
        np.testing.assert_allclose(line.get_ydata(), [value + density for value in values.values()])


def test_one_lambda_is_no_curve():
    samples = sweep() | {cell("mest", "random", 0.1): {1: 80.0}}
    assert lambda_plot(list(samples), samples) is None


def test_dense_networks_have_a_row_each_with_every_seed():
    samples = {
        cell("dense", None, 1.0): {1: 62.0, 2: 62.5},
        cell("dropout", None, 1.0): {1: 63.0, 2: 63.5},
        cell("snip", "random", 1.0): {1: 61.0, 2: 61.5},
        cell("snip", "random", 0.1): {1: 50.0, 2: 50.5},
    }
    (ax,) = drawn(dense_plot(list(samples), samples)).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["dense", "dropout", "snip · random"]
    shown = sorted(
        x for line in ax.get_lines() if line.get_marker() == "o" for x in line.get_xdata() if len(line.get_xdata()) == 2
    )
    assert shown == [61.0, 61.5, 62.0, 62.5, 63.0, 63.5]


def test_without_updates_of_dense_networks_there_is_nothing_to_compare_them_with():
    assert dense_plot(list(sweep()), sweep()) is None


def boxes(figure):
    """Where the title of each panel is, in pixels."""
    renderer = figure.canvas.get_renderer()
    return [ax._left_title.get_window_extent(renderer) for ax in figure.axes if ax._left_title.get_text()]


@pytest.mark.parametrize("make", [accuracy_plot, gains_plot], ids=["accuracy", "gains"])
@pytest.mark.parametrize("settings", [1, 2, 3])
def test_titles_of_panels_that_tell_many_settings_neither_meet_nor_leave_the_figure(make, settings):
    known = {"batch_size": 4096, "initial_distribution": "uniform", "label_smoothing": 0.125}
    further = dict(list(known.items())[:settings])
    samples = {
        cell(name, growth, 0.125, update_period=period, **further): {1: 60.0 + period / 100, 2: 62.0}
        for name, growth in (("magnitude", "random"), ("snip", "gradient"), ("static", None))
        for period in (25, 100, 400, 800)
    }
    with style.context(["default", _settings(LIGHT)]):
        figure = make(list(samples), samples, setting("update_period")).draw(LIGHT)
        FigureCanvasAgg(figure).draw()
    found = boxes(figure)
    assert len(found) == 2
    for box in found:
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert not found[0].overlaps(found[1])
