"""What a report says of what was measured beside accuracy."""

import csv
import io
import itertools
from statistics import fmean

import pandas as pd
import pytest
from matplotlib.colors import to_hex

from benchmark.experiments.outcome import ALL_LAYERS, Flops, Measured, Overlap
from benchmark.experiments.setup import Jaccard, Measure
from benchmark.report.contrast import contrast_csv
from benchmark.report.figures.jaccard import jaccard_plots
from benchmark.report.figures.look import LIGHT
from benchmark.report.figures.selection import study_plots
from benchmark.report.findings import Findings
from benchmark.report.sections.measurements import layers_csv, measurement_rows, measurements_csv, unmeasured
from benchmark.report.sections.overlap import jaccard_csv, jaccard_rows
from benchmark.report.tables import results_csv
from benchmark.report.writing import write_report
from benchmark.verdicts.contrasts import along_axes
from benchmark.verdicts.study import Study
from tests.report.made_up import Page, changed, drawn, experiment, page_of, study_of

COMPARED = ("magnitude", "snip", "mest", "random")
PAIRS = list(itertools.combinations(COMPARED, 2))
WEIGHTS = {"fc1.weight": 300, "fc2.weight": 100}
PRUNED = {"fc1.weight": 30, "fc2.weight": 10}


def comparing(**settings):
    """A made-up experiment that compares criteria."""
    plain = experiment(criteria=("magnitude", "snip"), growths=("gradient",), densities=(0.2, 1.0), seeds=(1, 2))
    return changed(plain, measure=Measure(jaccard=Jaccard(criteria=COMPARED, **settings)).model_dump())


def measured(study, moments=()):
    """The study with something measured, in which pairs share more and more, and more with seed 2."""
    for run, result in study.results:
        overlaps = [
            Overlap(
                step,
                fraction,
                dict(PRUNED),
                {"fc1.weight": [5 * n + run.seed for n in range(6)], "fc2.weight": list(range(6))},
            )
            for step, fraction in moments
            if run.cell.growth is not None
        ]
        ever = {"fc1.weight": 0.1 * run.seed, "fc2.weight": 0.5}
        flops = Flops(inference=2000, inference_dense=8000, training=3_000_000 * run.seed, training_dense=12_000_000)
        by_epoch = {"fc1.weight": [0.3, 0.2]} if run.cell.growth else {}
        result.outcome.density = {"fc1.weight": 0.2, "fc2.weight": 0.4}
        result.outcome.measured = Measured(WEIGHTS, ever, by_epoch, flops, overlaps)
    return study


FIRST = [(5, 0.5), (5, 0.25)]
COURSE = [(5, 0.5), (10, 0.4), (15, 0.1)]


def index(pair, layers=("fc1.weight", "fc2.weight")):
    """The mean Jaccard index over seeds of what `measured` makes up, reckoned once more."""
    found = []
    for seed in (1, 2):
        shared = {"fc1.weight": 5 * PAIRS.index(pair) + seed, "fc2.weight": PAIRS.index(pair)}
        both = sum(shared[layer] for layer in layers)
        found.append(both / (2 * sum(PRUNED[layer] for layer in layers) - both))
    return fmean(found)


def test_maps_show_every_pair_at_every_prune_fraction_and_what_chance_would_give():
    made_up = comparing(fractions=[0.5, 0.25])
    (plot,) = jaccard_plots(measured(study_of(made_up), FIRST))
    assert plot.name == "jaccard-first"
    axes = drawn(plot).axes
    assert len(axes) == 8  # two criteria and two densities, two fractions
    for ax in axes:
        assert {text.get_text() for text in ax.texts} == {f"{index(pair):.2f}" for pair in PAIRS}
        for text in ax.texts:
            x, y = (round(place) for place in text.get_position())
            assert text.get_text() == f"{index((COMPARED[:-1][x], COMPARED[1:][y])):.2f}"
    assert [ax.get_title(loc="left") for ax in axes[:2]] == [
        "prune fraction 0.5\nchance 0.33",
        "prune fraction 0.25\nchance 0.14",
    ]


def test_curves_show_what_others_would_prune_where_a_criterion_is_trained_with():
    made_up = comparing(every=5)
    (plot,) = jaccard_plots(measured(study_of(made_up), COURSE))
    assert plot.name == "jaccard-training"
    axes = drawn(plot).axes
    assert [ax.get_title(loc="left").split(" ")[0] for ax in axes] == ["magnitude", "magnitude", "snip", "snip"]
    for ax in axes:
        own = ax.get_title(loc="left").split(" ")[0]
        lines = {line.get_label(): line for line in ax.get_lines()}
        assert lines.keys() == set(COMPARED) - {own}
        for other, line in lines.items():
            assert list(line.get_xdata()) == [5, 10, 15]
            pair = next(pair for pair in PAIRS if set(pair) == {own, other})
            assert line.get_ydata() == pytest.approx([index(pair)] * 3)
        assert to_hex(lines["random"].get_color()) == LIGHT.faint


def test_a_network_trained_with_a_criterion_that_is_not_compared_has_no_curves():
    made_up = comparing(every=5)
    narrowed = changed(made_up, axes={**made_up.axes.model_dump(), "criteria": ("set",)})
    assert jaccard_plots(measured(study_of(narrowed), COURSE)) == []


def test_the_lines_of_the_file_are_the_indices_of_every_layer_and_of_all():
    made_up = comparing(every=5)
    rows = list(csv.DictReader(io.StringIO(jaccard_csv(measured(study_of(made_up), COURSE)))))
    assert len(rows) == 4 * 3 * len(PAIRS) * 3  # cells, steps, pairs, layers and all of them
    for row in rows:
        layers = tuple(WEIGHTS) if row["layer"] == ALL_LAYERS else (row["layer"],)
        assert float(row["mean"]) == pytest.approx(index((row["one"], row["other"]), layers))
        assert row["n"] == "2"
        assert (int(row["step"]), float(row["prune_fraction"])) in COURSE


def test_the_table_of_a_course_has_its_first_and_its_last_comparison():
    made_up = comparing(every=5)
    headers, rows = jaccard_rows(measured(study_of(made_up), COURSE))
    assert headers[3:] == ["step 5, fraction 0.5", "step 15, fraction 0.1"]
    assert len(rows) == 4 * len(PAIRS)
    for _, _, pair, *cells in rows:
        assert all(cell.startswith(f"{index(tuple(pair.split(', '))):.3f} ± ") for cell in cells)


def test_where_nothing_was_compared_there_are_no_figures_tables_or_files_of_it(tmp_path):
    made_up = comparing(every=5)
    for results in (study_of(made_up), measured(study_of(made_up))):
        assert not [plot for plot in study_plots(results) if "jaccard" in plot.name]
        page = Page(page_of(results))
        assert "What criteria would prune alike" not in " ".join(page.texts)
    write_report(tmp_path, Findings(results))
    assert not list(tmp_path.glob("jaccard*"))


def test_weights_ever_active_and_flops_are_means_over_seeds_in_every_cell():
    made_up = comparing()
    rows = measurement_rows(measured(study_of(made_up)))
    assert len(rows) == 7  # two criteria at two densities, static at both, dense
    every = fmean([(0.1 * seed * 300 + 0.5 * 100) / 400 for seed in (1, 2)])
    for row in rows:
        assert row[3].startswith(f"{100 * every:.1f} ± ")
        assert row[4:] == ["4.5 M", "0.375", "2.0 k", "0.250"]


def test_files_of_what_was_measured_have_every_run_and_layer():
    made_up = comparing()
    results = measured(study_of(made_up))
    runs = list(csv.DictReader(io.StringIO(measurements_csv(results))))
    assert [row["training_flops"] for row in runs] == [str(3_000_000 * run.seed) for run, _ in results.results]
    layers = list(csv.DictReader(io.StringIO(layers_csv(results))))
    assert len(layers) == 2 * len(runs)
    starts = {row["density_start"] for row in layers if row["layer"] == "fc1.weight" and row["growth"]}
    assert starts == {"0.3"}
    assert {row["density_end"] for row in layers} == {"0.2", "0.4"}


def test_all_files_of_numbers_begin_with_the_cells_columns_and_can_be_joined_by_them():
    made_up = comparing(every=5)
    rules = {"topology.update_period": (5, 10), "topology.resurrection": ("forbid", "allow")}
    made_up = changed(made_up, topology={}, axes={**made_up.axes.model_dump(), "settings": rules})
    results = measured(study_of(made_up), COURSE)
    (contrast,) = along_axes(results.samples)
    texts = {
        "results": results_csv(results),
        "measurements": measurements_csv(results),
        "layers": layers_csv(results),
        "jaccard": jaccard_csv(results),
        "contrast": contrast_csv(made_up, contrast),
    }
    files = {name: pd.read_csv(io.StringIO(text)) for name, text in texts.items()}
    place = ["criterion", "growth", "density", "update_period", "resurrection"]
    for name, file in files.items():
        assert list(file.columns[:5]) == place, name
    runs, trained = len(results.results), 2 * 2 * 2 * 2  # criteria, densities, periods, rules
    assert len(files["results"].merge(files["measurements"], on=[*place, "seed"], validate="1:1")) == runs
    assert len(files["results"].merge(files["layers"], on=[*place, "seed"], validate="1:m")) == runs * len(WEIGHTS)
    of_all = files["jaccard"][files["jaccard"]["layer"] == ALL_LAYERS]
    assert len(files["results"].merge(of_all, on=place)) == trained * 2 * len(COURSE) * len(PAIRS)  # two seeds
    of_cells = files["contrast"].dropna(subset="density")
    assert of_cells["resurrection"].isna().all()  # the setting that the contrast is about
    assert len(files["results"].merge(of_cells, on=place[:4])) == trained * 2


def test_runs_of_an_older_version_are_said_to_lack_it(tmp_path):
    made_up = comparing(fractions=[0.5])
    older = study_of(made_up)
    assert measurement_rows(older) == []
    said = "14 of 14 runs come from a version that measured nothing of this"
    assert said in " ".join(Page(page_of(older)).texts)
    write_report(tmp_path, Findings(older))
    assert not list(tmp_path.glob("measurements*"))
    mixed = Study(made_up, (*measured(Study(made_up, older.results[:4]), FIRST[:1]).results, *older.results[4:]))
    assert unmeasured(mixed).startswith("10 of 14 runs")
    assert unmeasured(measured(older)) is None


def test_the_page_has_the_tables_that_the_files_have(tmp_path):
    made_up = comparing(fractions=[0.5, 0.25])
    results = measured(study_of(made_up), FIRST)
    write_report(tmp_path, Findings(results))
    texts = Page((tmp_path / "index.html").read_text()).texts
    for row in (*measurement_rows(results), *jaccard_rows(results)[1]):
        assert set(row) <= set(texts)
    for name in ("measurements.txt", "measurements.md", "measurements.csv", "layers.csv", "jaccard.txt", "jaccard.md",
                 "jaccard.csv", "jaccard-first.png", "jaccard-first.svg"):  # fmt: skip
        assert (tmp_path / name).stat().st_size > 100
