"""Figures have room for the names that people give: none is cut off, none pushes the panels out, and none warns."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import rcParams, style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from benchmark.experiments.cells import Cell
from benchmark.experiments.setup import Jaccard, Measure
from benchmark.report.figures import jaccard
from benchmark.report.figures.accuracy import accuracy_plot
from benchmark.report.figures.contrast import contrast_plot
from benchmark.report.figures.dense import dense_plot
from benchmark.report.figures.gains import gains_plot
from benchmark.report.figures.labels import MOST, short_labels
from benchmark.report.figures.look import LIGHT, _placed, _settings, images
from benchmark.report.figures.ranks import ranks_plot
from benchmark.report.figures.standing import forest_plot, rank_plot
from benchmark.report.figures.styles import criterion_styles
from benchmark.report.overlaps import Moment
from benchmark.verdicts.contrasts import along_axes
from benchmark.verdicts.standing import standing

LONG = ("soft_magnitude(exponent=0.5)", "reciprocal_sensitivity(epsilon=1e-06)", "m" * 82, "m" * 41 + "n" + "m" * 40)
LEAST = 1.0
"""Inches that a panel has at least."""


def samples_of(criteria, densities, **further):
    names = [*((name, "gradient") for name in criteria), ("static", None), ("dense", None)]
    return {
        Cell(name, growth, density, tuple(further.items())): {
            seed: 80 + 7 * ((place + seed) % 3) / 3 for seed in (1, 2, 3)
        }
        for place, (name, growth) in enumerate(names)
        for density in densities
    }


def plots_of(criteria, densities=(0.05, 0.1, 1.0)):
    """Every figure in which names of criteria are labels, by its own name."""
    samples, styles = samples_of(criteria, densities), criterion_styles(criteria)
    grid = list(samples)
    found = standing({cell: values for cell, values in samples.items() if cell.growth}, reference=criteria[0])
    scopes = samples_of(criteria, densities, scope="local") | samples_of(criteria, densities, scope="global")
    (contrast,) = along_axes(scopes)
    plots = [
        accuracy_plot(grid, samples),
        gains_plot(grid, samples),
        ranks_plot(grid, samples),
        dense_plot(grid, samples),
        forest_plot(found, styles),
        rank_plot(found, styles),
        contrast_plot(contrast, styles),
    ]
    return {plot.name: plot for plot in plots if plot is not None}


def jaccard_of(criteria, monkeypatch):
    pairs = {(one, other): [0.25] for n, one in enumerate(criteria) for other in criteria[n + 1 :]}
    monkeypatch.setattr(jaccard, "indices", lambda _: {Moment(Cell("snip", "random", 0.1), 5, 0.5): pairs})
    monkeypatch.setattr(jaccard, "compared_criteria", lambda _: tuple(criteria))
    measure = Measure(jaccard=Jaccard(criteria=("snip", "random"), fractions=[0.5]))
    (plot,) = jaccard.jaccard_plots(SimpleNamespace(experiment=SimpleNamespace(measure=measure)))
    return {plot.name: plot}


def require_room(plot):
    with style.context(["default", _settings(LIGHT)]):
        figure = _placed(plot.draw(LIGHT))
        figure.set_dpi(rcParams["savefig.dpi"])
        FigureCanvasAgg(figure).draw()  # a warning, such as that panels have no room, is an error in tests
        for text in figure.findobj(Text):
            if any(letter.isalpha() for letter in text.get_text()):  # numbers of an axis may be there and not be drawn
                box = text.get_window_extent()
                assert -1 <= box.x0 <= box.x1 <= figure.bbox.width + 1, (plot.name, text.get_text())
                assert -1 <= box.y0 <= box.y1 <= figure.bbox.height + 1, (plot.name, text.get_text())
    assert all(ax.get_window_extent().width >= LEAST * figure.dpi for ax in figure.axes), plot.name


@pytest.mark.parametrize("densities", [(0.05,), (0.05, 0.1, 1.0)], ids=["one density", "three"])
def test_no_name_is_cut_off(densities):
    found = plots_of(LONG[::-1], densities)  # the longest one is the reference
    assert found.keys() >= {
        "accuracy",
        "gains",
        "standing-differences",
        "standing-ranks",
        "scope-global-against-scope-local",
    }
    for plot in found.values():
        require_room(plot)


@pytest.mark.parametrize("criteria", [LONG, LONG[:3], LONG[2:], ("mest", "snip", *LONG)], ids=len)
def test_no_name_is_cut_off_in_maps(criteria, monkeypatch):
    for plot in jaccard_of(criteria, monkeypatch).values():
        require_room(plot)


def test_names_of_experiments_that_are_compared_are_not_cut_off():
    names = {"first": f"an-experiment-{'m' * 60}", "second": f"another-{'m' * 80}"}
    scopes = samples_of(LONG[:2], (0.1,), scope="local") | samples_of(LONG[:2], (0.1,), scope="global")
    (found,) = along_axes({cell: values for cell, values in scopes.items() if cell.growth})
    require_room(contrast_plot(replace(found, **names), criterion_styles(LONG)))


def test_a_letter_that_the_font_lacks_says_nothing_to_whoever_asked_for_a_figure():
    plot = plots_of(("magnitude", "雪_snow"))["accuracy"]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        images(plot)
    assert said == []


@given(st.lists(st.text("ab", min_size=1, max_size=2 * MOST)))
def test_labels_are_short_and_no_two_names_have_the_same(names):
    labels = short_labels(names)
    assert list(labels) == list(dict.fromkeys(names))
    assert len({*labels.values()}) == len(labels)
    for name, label in labels.items():
        assert label == name if len(name) <= MOST else len(label) == MOST or label == name


def test_what_a_long_name_lacks_is_in_its_middle():
    long = "reciprocal_sensitivity(epsilon=1.2500001e-06)"
    settings = "density_schedule=granet · fan_in=constant"
    (label,) = short_labels([f"{long} · gradient · {settings}"]).values()
    name, *others = label.split(" · ")
    assert (name[:21], name[-5:], len(name)) == ("reciprocal_sensitivi…", "e-06)", MOST)
    assert others == ["gradient", *settings.split(" · ")]
