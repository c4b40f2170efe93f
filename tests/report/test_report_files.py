"""What a report promises: nothing invented, nothing left out, nothing to fetch."""

import base64
import itertools
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.experiments.cells import Cell
from benchmark.report import findings as findings_module
from benchmark.report.figures import look
from benchmark.report.figures.accuracy import accuracy_plot
from benchmark.report.figures.gains import gains_plot
from benchmark.report.figures.look import COLOURS, Images, images, legible, line_style
from benchmark.report.figures.ranks import ranks_plot
from benchmark.report.figures.selection import study_plots
from benchmark.report.findings import Findings
from benchmark.report.writing import WRITTEN, write_report
from benchmark.verdicts.expected import Estimate, Expected, Source, StoredCell
from benchmark.verdicts.samples import over_baseline
from criteria.errors import InputError
from tests.report.made_up import CRITERIA, Page, changed, drawn, experiment, page_of, study_of


def expected_from(study, shift=0.0):
    """Expected values that the results agree with, apart from a ``shift`` of every snip."""
    stored = [
        StoredCell.model_validate(
            cell.to_mapping()
            | {"code": Estimate.from_values({s: v + shift * (cell.criterion == "snip") for s, v in values.items()})}
        )
        for cell, values in study.samples.items()
    ]
    source = Source(kind="authors_code", code="https://example.org/code")
    return Expected(
        experiment="made-up", metric="test_accuracy_best", tolerance=1.0, sources={"code": source}, cells=tuple(stored)
    )


def accuracy_of(study):
    return drawn(accuracy_plot(study.cells, study.samples))


def curves(ax, name):
    return [line for line in ax.get_lines() if line.get_label() == name]


def test_every_panel_has_a_line_for_each_criterion_and_baseline():
    made = experiment()
    figure = accuracy_of(study_of(made))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["random growth", "gradient growth"]
    for ax in figure.axes:
        for name in (*CRITERIA, "static", "dense"):
            assert len(curves(ax, name)) == 1, name
    (legend,) = figure.legends
    assert sorted(text.get_text() for text in legend.get_texts()) == sorted([*CRITERIA, "static", "dense"])


def test_points_are_the_means_and_bands_the_standard_deviations():
    made = experiment()
    study = study_of(made)
    values = study.samples
    ax = accuracy_of(study).axes[1]
    for name in CRITERIA:
        (line,) = curves(ax, name)
        means = [np.mean(list(values[Cell(name, "gradient", d)].values())) for d in made.axes.densities]
        np.testing.assert_allclose(line.get_ydata(), means)
    band = ax.collections[1]  # after that of static
    first = list(values[Cell("magnitude", "gradient", 0.05)].values())
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() <= np.mean(first) - np.std(first, ddof=1) + 1e-9
    assert np.isclose(heights, np.mean(first) - np.std(first, ddof=1)).any()


def test_points_at_one_density_stand_apart_but_nearer_to_it_than_to_the_next():
    made = experiment(densities=(0.05, 0.06, 0.07, 0.5))
    ax = accuracy_of(study_of(made)).axes[0]
    columns = np.array([curves(ax, name)[0].get_xdata() for name in CRITERIA])
    assert (np.diff(columns, axis=0) > 0).all()
    nearest = np.abs(np.log(columns[..., None] / np.array(made.axes.densities))).argmin(axis=-1)
    assert (nearest == np.arange(4)).all()


def test_good_criteria_are_told_apart_beside_one_that_fails():
    made = experiment()

    def accuracy(run):
        return {"random": 15.0, "snip": 96.0}.get(run.cell.criterion, 97.0)

    figure = accuracy_of(study_of(made, accuracy=accuracy))
    ax = figure.axes[0]
    heights = {
        name: ax.transAxes.inverted().transform(ax.transData.transform((0.05, value)))[1]
        for name, value in {"random": 15.0, "snip": 96.0, "set": 97.0}.items()
    }
    assert heights["set"] - heights["snip"] > 0.04  # of the panel's height; 0.01 on a linear axis
    assert 0 < heights["random"] < heights["snip"] < heights["set"] < 1


def test_results_of_exactly_0_and_100_percent_stay_on_a_stretched_axis():
    made = experiment(criteria=("magnitude", "set"))
    study = study_of(made, accuracy=lambda run: 100.0 if run.cell.criterion == "set" else 0.0)
    for ax in accuracy_of(study).axes:
        low, high = ax.get_ylim()
        assert np.isfinite([low, high]).all()
        assert low < high


@pytest.mark.parametrize("baselines", [("static", "dense"), ("dense", "static"), ("static",)])
def test_dense_is_dashed_and_static_dotted_whatever_other_baselines_there_are(baselines, monkeypatch):
    monkeypatch.setattr(look, "REFERENCE_DASHES", ("--", ":", "-."))  # matplotlib calls all patterns of one's own "--"
    ax = accuracy_of(study_of(changed(experiment(), baselines=baselines))).axes[0]
    looks = {"dense": "--", "static": ":"}
    assert {name: line.get_linestyle() for name in baselines for line in curves(ax, name)} == {
        name: looks[name] for name in baselines
    }


def test_a_missing_cell_breaks_its_line_and_is_counted():
    made = experiment()
    study = study_of(made, without=lambda cell: cell == Cell("set", "random", 0.1))
    plot = accuracy_plot(study.cells, study.samples)
    ax = drawn(plot).axes[0]
    assert np.isnan(curves(ax, "set")[0].get_ydata()).tolist() == [False, True, False, False]
    (note,) = ax.texts
    assert note.get_text() == "1 missing"
    assert note.get_zorder() < min(each.get_zorder() for each in [*ax.lines, *ax.collections])  # it hides nothing
    assert "1 of 45 cells have no result yet" in plot.caption


def test_a_growth_without_results_gets_no_panel():
    made = experiment()
    study = study_of(made, without=lambda cell: cell.growth == "random")
    for plot in study_plots(study):
        titles = [ax.get_title(loc="left") for ax in drawn(plot).axes]
        assert titles
        assert not any("random growth" in title for title in titles), plot.name


def test_no_panel_is_ever_empty():
    for criteria, seeds in ((CRITERIA, (1, 2)), (CRITERIA, (1,)), (("magnitude",), (1,)), ((), (1,))):
        made = experiment(criteria=criteria, seeds=seeds)
        for plot in study_plots(study_of(made)):
            for ax in drawn(plot).axes:
                assert ax.has_data() or ax.patches, (plot.name, criteria, seeds)


def test_one_seed_has_no_band_and_no_interval():
    made = experiment(seeds=(1,))
    study = study_of(made)
    gain = over_baseline(study.cells, study.samples, "static")[Cell("snip", "random", 0.1)]
    assert gain.dof == 0
    texts = [text.get_text() for ax in drawn(gains_plot(study.cells, study.samples)).axes for text in ax.texts]
    assert len(texts) == 5 * 2 * 4
    assert not any("±" in text for text in texts)
    assert "(1 seed)" in Page(page_of(study)).text


def test_baselines_alone_make_a_figure_and_a_page():
    made = experiment(criteria=())
    study = study_of(made)
    assert [plot.name for plot in study_plots(study)] == ["accuracy"]
    (ax,) = accuracy_of(study).axes
    assert len(curves(ax, "static")) == len(curves(ax, "dense")) == 1
    text = Page(page_of(study)).text
    assert "Not checked" in text
    assert "The paper's claims" not in text


def test_gains_are_paired_over_seeds():
    """A seed that is lucky for both sides makes no difference."""
    made = experiment(criteria=("magnitude",), growths=("random",), densities=(0.1,))

    def accuracy(run):
        return 50 + 10 * run.seed + {"magnitude": 2.5, "static": 0, "dense": 0.01}[run.cell.criterion]

    study = study_of(made, accuracy=accuracy)
    gain = over_baseline(study.cells, study.samples, "static")[Cell("magnitude", "random", 0.1)]
    assert gain.value == pytest.approx(2.5)
    assert gain.lower(0.025) == pytest.approx(2.5, abs=0.02)


def test_without_static_there_are_no_gains_to_show():
    made = experiment()
    study = study_of(made, without=lambda cell: cell.criterion == "static")
    assert gains_plot(study.cells, study.samples) is None


def test_ranks_are_drawn_only_where_settings_could_show_a_difference():
    def diagrams(densities):
        made = experiment(growths=("random",), densities=densities)
        study = study_of(made)
        plot = ranks_plot(study.cells, study.samples)
        return 0 if plot is None else len(drawn(plot).axes)

    assert diagrams((0.05, 0.1)) == 0  # the critical difference of five over two is 4.3, and no ranks are further apart
    assert diagrams((0.05, 0.1, 0.2)) == 1


def test_rank_diagrams_name_every_criterion_once():
    study = study_of(experiment())
    plot = ranks_plot(study.cells, study.samples)
    for ax in drawn(plot).axes:
        texts = [text.get_text() for text in ax.texts]
        for name in CRITERIA:
            assert sum(name in text.split() for text in texts) == 1, texts


def test_the_bars_of_rank_diagrams_do_not_depend_on_the_order_of_pythons_sets():
    study = study_of(experiment())
    plot = ranks_plot(study.cells, study.samples)
    bars = [
        line.get_xdata()
        for ax in drawn(plot).axes
        for line in ax.get_lines()
        if len(set(line.get_ydata())) == 1 and line.get_ydata()[0] < 0
    ]
    assert bars
    for bar in bars:
        assert list(bar) == sorted(bar)


def test_each_criterion_looks_different_and_light_and_dark_differ_in_paper():
    styles = [tuple(map(str, line_style(index).values())) for index in range(14)]
    assert len(set(styles)) == 14
    assert len({line_style(index)["color"] for index in range(len(COLOURS))}) == len(COLOURS)
    study = study_of(experiment())
    plot = accuracy_plot(study.cells, study.samples)
    found = images(plot)
    assert found.svg != found.dark


def test_a_figure_has_the_same_bytes_every_time():
    made = experiment(criteria=CRITERIA[:3], densities=(0.05, 0.2))
    for plot in study_plots(study_of(made)):
        first = images(plot)
        assert first == images(plot)
        assert b"<dc:date>" not in first.svg


def without_ids(svg):
    """A drawing whose ids, which hold a hash of what they name, are numbers in their order."""
    seen = {}
    return re.sub(rb"\b[mp][0-9a-f]{10}\b", lambda found: seen.setdefault(found.group(), b"%d" % len(seen)), svg)


def test_on_dark_paper_a_figure_is_what_its_dark_theme_would_draw():
    findings = Findings(study_of(experiment(criteria=CRITERIA[:3], densities=(0.05, 0.2), seeds=(1, 2))))
    found = [*findings.plots, *findings.standing_plots]
    assert {plot.name for plot in found} >= {"accuracy", "gains", "ranks", "standing-ranks"}
    for plot in found:
        assert plot.recoloured
        drawn_dark = images(replace(plot, recoloured=False)).dark
        assert without_ids(findings.images(plot).dark) == without_ids(drawn_dark), plot.name


def test_the_figures_of_a_report_are_made_up_once(tmp_path, monkeypatch):
    made = []

    def counted(name, real):
        return lambda *given: made.append(name) or real(*given)

    names = ("study_plots", "standing_plots", "leaderboard_plot", "contrast_plot")
    for name in names:
        monkeypatch.setattr(findings_module, name, counted(name, getattr(findings_module, name)))
    monkeypatch.setattr(findings_module, "images", lambda _plot: Images(b"", b"", b""))
    other = study_of(changed(experiment(), name="another", topology={"update_period": 7}))
    write_report(tmp_path, Findings(study_of(experiment()), [other]))
    assert sorted(made) == sorted(names)


def test_each_figure_of_a_report_is_drawn_once(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        "benchmark.report.findings.images", lambda plot: made.append(plot.name) or Images(b"", b"", b"")
    )
    write_report(tmp_path, Findings(study_of(experiment())))
    assert sorted(made) == ["accuracy", "gains", "ranks", "standing-differences", "standing-ranks"]


def test_a_report_leaves_no_file_of_an_earlier_one_and_all_that_is_somebodys_own(tmp_path, monkeypatch):
    monkeypatch.setattr(findings_module, "images", lambda _plot: Images(b"", b"", b""))
    write_report(tmp_path, Findings(study_of(experiment())))
    (tmp_path / "notes.txt").write_text("mine")
    before = {path.name for path in tmp_path.iterdir()}
    alone = experiment(criteria=("snip",), growths=("random",), densities=(0.1,), seeds=(1,))
    write_report(tmp_path, Findings(study_of(alone)))
    after = {path.name for path in tmp_path.iterdir()}
    assert {"standing.csv", "standing-ranks.png"} <= before - after
    assert {"index.html", "results.csv", "notes.txt"} <= after
    fresh = tmp_path / "fresh"
    write_report(fresh, Findings(study_of(alone)))
    assert {path.name for path in fresh.iterdir()} == after - {"notes.txt"}


@given(st.lists(st.floats(-10, 10), unique=True), st.floats(0, 5))
def test_labels_keep_their_distance_and_leave_out_only_what_has_no_room(positions, apart):
    kept = legible(positions, apart)
    assert set(kept) <= set(positions)
    assert set(positions[:1]) <= set(kept)
    assert all(later - earlier >= apart for earlier, later in pairwise(kept))
    assert all(min(abs(left - other) for other in kept) < apart for left in set(positions) - set(kept))


def test_round_densities_are_labelled_first():
    made = experiment(densities=(0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5))
    ax = accuracy_of(study_of(made)).axes[0]
    labels = [label.get_text() for label in ax.get_xticklabels() if label.get_text()]
    assert {"0.05", "0.1", "0.2", "0.5"} <= set(labels)
    assert "0.09" not in labels


def test_the_page_has_every_cell_every_verdict_and_every_claim():
    made = experiment()
    study = study_of(made)
    findings = Findings(replace(study, expected=expected_from(study)))
    text = Page(page_of(study, expected_from(study))).text
    for cell, values in study.samples.items():
        mean, spread = np.mean(list(values.values())), np.std(list(values.values()), ddof=1)
        assert f"{mean:.2f} ± {spread:.2f}" in text, cell
        assert str(cell) in text
    assert len(findings.check.rows) == 45
    assert "45 reproduced" in text
    assert findings.claims
    for claim in findings.claims:
        assert claim.claim in text
        assert claim.finding in text
        assert claim.firmness in text
    assert any(claim.without for claim in findings.claims)
    assert any(claim.verdict == "undecided" for claim in findings.claims)


def test_the_page_begins_with_what_deviates():
    made = experiment()
    study = study_of(made)
    text = Page(page_of(study, expected_from(study, shift=-30))).text
    assert text.index("snip, all its 8 cells, against the others: +30.00 points") < text.index("What was done")
    assert "8 deviates" in text


def test_the_page_says_what_is_missing_and_whose_contract_was_skipped():
    made = experiment()
    study = study_of(made, without=lambda cell: cell.density == 0.1, skipped=True)
    text = Page(page_of(study)).text
    assert "11 of 45 cells have no result yet" in text
    assert text.count("missing") >= 11
    assert "¹ trained with --no-contract" in text


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A study, and the folder of its whole report: its figures take seconds to draw."""
    study, folder = study_of(experiment()), tmp_path_factory.mktemp("report") / "r"
    write_report(folder, Findings(replace(study, expected=expected_from(study))))
    return study, folder


def test_the_page_fetches_nothing(written):
    study, folder = written
    figures = [*study_plots(study), *Findings(study).standing_plots]
    text = (folder / "index.html").read_text()
    for tag, name, value in Page(text).attributes:
        if name in ("src", "srcset", "href"):
            beside = re.fullmatch(r"[\w-]+\.csv", value)  # a file of the report
            assert beside or value.startswith(("data:image/svg+xml;base64,", "#")), (tag, name)
    assert "url(" not in text
    assert "@import" not in text
    assert "<script" not in text
    pictures = re.findall(r"base64,([^\"]+)", text)
    assert len(pictures) == 2 * len(figures) == 10
    for picture in pictures:
        assert not re.findall(rb'(?:href|src)="(?!#)', base64.b64decode(picture))


def test_links_inside_the_page_lead_somewhere():
    made = experiment()
    study = study_of(made)
    found = Page(page_of(study, expected_from(study))).attributes
    places = {value for _, name, value in found if name == "id"}
    assert {value[1:] for _, name, value in found if name == "href"} <= places


def test_what_results_say_is_text_and_never_markup():
    made = experiment()
    assert "a &lt;very&gt; special device" in page_of(study_of(made))


def test_the_cost_of_a_fleet_is_divided_among_its_members():
    made = experiment(criteria=("magnitude",), growths=("random",), densities=(0.1,), seeds=(1, 2))
    assert "3 min" in Page(page_of(study_of(made))).text  # 6 runs of 60 s in fleets of 2


def test_all_files_are_written_and_nothing_else(written):
    _, folder = written
    names = {"results.txt", "results.md", "results.csv", "check.txt", "claims.txt", "index.html", "leaderboard.md"}
    figures = ("accuracy", "gains", "ranks", "standing-differences", "standing-ranks")
    names |= {f"{name}.{form}" for name in figures for form in ("png", "svg", "csv")} | {"standing.csv"}
    assert {path.name for path in folder.iterdir()} == names | {WRITTEN}
    assert (folder / "accuracy.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "accuracy.svg").read_text().startswith("<?xml")


def test_a_figure_that_cannot_be_written_is_one_line_and_leaves_no_half_file(tmp_path):
    made = experiment(criteria=("magnitude",), growths=("random",), densities=(0.05, 0.2))  # few figures are drawn
    study = study_of(made)
    (tmp_path / "accuracy.png").mkdir()
    with pytest.raises(InputError, match=r"accuracy\.png: cannot be written") as error:
        write_report(tmp_path, Findings(study))
    assert "\n" not in str(error.value)
    assert not [path for path in Path(tmp_path).iterdir() if path.name.startswith(".")]


FEW = [("magnitude",), CRITERIA[:2]], [("random",), ("random", "gradient")], [(0.1,), (0.05, 0.1)], [(1,), (1, 2)]


@pytest.mark.long
@pytest.mark.parametrize(("criteria", "growths", "densities", "seeds"), list(itertools.product(*FEW)))
def test_few_results_have_a_report_too(tmp_path, criteria, growths, densities, seeds):
    write_report(tmp_path, Findings(study_of(experiment(criteria, growths, densities, seeds))))
    assert (tmp_path / "index.html").exists()


def test_one_seed_has_a_report_without_differences(tmp_path):
    write_report(tmp_path, Findings(study_of(experiment(CRITERIA[:2], ("random",), (0.1, 0.2), seeds=(1,)))))
    assert (tmp_path / "standing-ranks.svg").exists()
    assert not (tmp_path / "standing-differences.svg").exists()
