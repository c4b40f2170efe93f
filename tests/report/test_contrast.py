"""What a contrast promises: only what was run, paired by seed, and nothing compared that is not comparable."""

import csv
import io
import json
import re

import pytest

from benchmark.commands.cli import main
from benchmark.experiments.cells import Cell
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.results import ResultsFolder
from benchmark.report.contrast import contrast_csv, contrast_rows, contrast_sentences, contrast_table, limits
from benchmark.report.figures.contrast import contrast_plot
from benchmark.report.figures.styles import criterion_styles
from benchmark.report.findings import Findings
from benchmark.report.page import page
from benchmark.report.sections import contrasts
from benchmark.verdicts.contrasts import along_axes, between_experiments
from criteria.errors import InputError
from tests.report.made_up import Page, changed, drawn, results_of, study_of
from tests.report.made_up import experiment as made_up

CRITERIA = ("magnitude", "snip", "random")
LOSS = -2.0


def experiment(criteria=CRITERIA, densities=(0.1, 0.5), **axes):
    return made_up(criteria=criteria, densities=densities, **axes)


def allowing(made, **changes):
    """The same experiment under the rule of the authors' code."""
    return changed(made, **{"name": "authors", "topology": {**made.topology, "resurrection": "allow"}, **changes})


def accuracy(run):
    """Luck of the seed and of the cell, the same under both rules; forbidding costs ``random`` two points."""
    cell = run.cell
    noise = (len(str(cell)) % 7 + 3 * run.seed) / 10
    wiggle = ((run.seed * 5 + len(cell.criterion)) % 3 - 1) * 0.05
    forbidden = run.setup.topology.resurrection == "forbid"
    loss = LOSS if cell.criterion == "random" and cell.growth == "gradient" else 0.0
    return 85 + noise + forbidden * (cell.growth is not None) * (loss + wiggle)


@pytest.fixture
def on_disk(tmp_path):
    """Two experiments as files, ``strict`` and ``loose``, with the results of the first; the command's arguments."""
    made = experiment(criteria=("magnitude", "snip"), densities=(0.1,)).model_dump(mode="json", exclude_defaults=True)
    for name, resurrection in (("strict", "forbid"), ("loose", "allow")):
        content = {**made, "name": name, "topology": {**made["topology"], "resurrection": resurrection}}
        (tmp_path / f"{name}.yaml").write_text(json.dumps(content))
    fill(tmp_path, "strict")
    return lambda *names: [
        *(
            "report",
            str(tmp_path / "strict.yaml"),
            "--results",
            str(tmp_path / "results"),
            "--out",
            str(tmp_path / "out"),
        ),
        *(part for name in names for part in ("--against", str(tmp_path / f"{name}.yaml"))),
    ]


def fill(folder, name):
    for _, result in results_of(load_experiment(str(folder / f"{name}.yaml")), accuracy=accuracy):
        ResultsFolder(folder / "results", name).store(result)


def contrasted(first=None, second=None, *, without=lambda cell: False):
    ours = first or experiment()
    theirs = second or allowing(ours)
    return between_experiments(study_of(ours, accuracy=accuracy, without=without), study_of(theirs, accuracy=accuracy))


def test_a_loss_is_found_where_it_is_and_luck_that_both_rules_share_cancels():
    found = contrasted()
    assert found.changes == ("topology.resurrection: forbid, not allow",)
    loser = found.overall["random", "gradient"]
    assert loser.value == pytest.approx(LOSS, abs=0.06)
    assert loser.upper(0.025) < -1
    for who, mean in found.overall.items():
        if who != ("random", "gradient"):
            assert mean.lower(0.025) < 0 < mean.upper(0.025), who


def test_it_is_said_in_words_for_whom_the_change_matters():
    told, *rest = contrast_sentences(contrasted())
    assert told.startswith(
        "Over all densities made-up is below authors for random with gradient growth (\N{MINUS SIGN}2.0"
    )
    assert "magnitude" not in told
    assert any(text.startswith("For 5 of 6 no difference is told from chance") for text in rest)


@pytest.mark.parametrize("spread", [0.004, 0.03, 0.1])
def test_what_differences_are_said_to_be_less_than_is_above_the_ends_of_their_intervals(spread):
    made = made_up(criteria=("magnitude", "set"), growths=("gradient",), densities=(0.1,), seeds=(1, 2, 3, 4))

    def noisy(run):
        return 90 + spread * (run.seed * (3 + 2 * (run.setup.topology.resurrection == "allow")) % 7)

    contrast = between_experiments(study_of(made, accuracy=noisy), study_of(allowing(made), accuracy=noisy))
    (said,) = re.findall(r"each of them is less than (.*) points", " ".join(contrast_sentences(contrast)))
    assert float(said) > max(abs(end) for mean in contrast.overall.values() for end in limits(mean))


def test_a_seeds_differences_are_averaged_before_seeds_are_counted():
    found = contrasted()
    assert {mean.dof for mean in found.overall.values()} == {2}  # three seeds, however many densities


def test_baselines_that_the_rule_does_not_concern_are_left_out_and_others_are_not():
    assert all(cell.growth is not None for cell in contrasted().cells)
    ours = experiment()
    model = {"name": "mlp", "widths": [32]}
    theirs = changed(ours, name="wider", model=model)

    def wider(run):
        return 85 + run.seed + (run.setup.model == model)

    found = between_experiments(study_of(ours, accuracy=wider), study_of(theirs, accuracy=wider))
    assert found.changes == ("model.widths: [16], not [32]",)
    assert found.cells[Cell("dense", None, 1.0)].value == pytest.approx(-1)


def test_only_cells_that_both_have_are_compared_and_gaps_show():
    gap = Cell("snip", "random", 0.1)
    found = contrasted(without=lambda cell: cell == gap)
    assert gap not in found.cells
    headers, rows = contrast_rows(found)
    (row,) = [row for row in rows if row[:2] == ["snip", "random"]]
    assert dict(zip(headers, row, strict=True))["density 0.1"] == "missing"
    assert sum(row.count("missing") for row in rows) == 1


def with_baselines(**axes):
    """A contrast of networks of two widths, in which baselines differ too; dense is at density 1 alone."""
    ours = experiment(**axes)
    theirs = changed(ours, name="wider", model={"name": "mlp", "widths": [32]})
    return between_experiments(study_of(ours, accuracy=accuracy), study_of(theirs, accuracy=lambda r: accuracy(r) - 1))


def test_a_cell_that_was_never_asked_for_is_empty_and_not_missing():
    headers, rows = contrast_rows(with_baselines())
    found = {tuple(row[:2]): dict(zip(headers[2:], row[2:], strict=True)) for row in rows}
    assert [name for name, text in found["dense", "–"].items() if text] == ["density 1", "all"]
    assert [name for name, text in found["snip", "random"].items() if not text] == ["density 1"]
    assert "missing" not in str(rows)


def test_the_figure_has_a_row_for_each_cell_that_there_is_and_no_other():
    found = with_baselines()
    panels = {ax.get_title(loc="left"): ax for ax in drawn(contrast_plot(found, criterion_styles(CRITERIA))).axes}
    for growth in ("random", "gradient", None):
        ax = panels["baselines" if growth is None else f"{growth} growth"]
        points = [line.get_ydata()[0] for line in ax.get_lines() if line.get_marker() == "o"]
        who = [cell.criterion for cell in found.cells if cell.growth == growth]
        assert len(set(points)) == len(points) == len(who) + len(set(who))
        if growth != "gradient":  # whose rows are those of the panel beside it
            named = [label.get_text() for label in ax.get_yticklabels(minor=True)]
            assert sorted([*ax.get_yticks(), *ax.get_yticks(minor=True)]) == sorted(points)
            assert len(named) == len(who)
    assert [label.get_text() for label in panels["random growth"].get_yticklabels()] == list(CRITERIA)
    assert [label.get_text() for label in panels["baselines"].get_yticklabels()] == ["static", "dense"]


@pytest.mark.parametrize(("densities", "words"), [((0.1, 0.5), "over all densities;"), ((0.1,), "at density 0.1;")])
def test_the_table_says_over_what_its_last_column_is_a_mean_as_the_sentences_do(densities, words):
    ours = experiment(densities=densities)
    findings = Findings(study_of(ours, accuracy=accuracy), [study_of(allowing(ours), accuracy=accuracy)])
    text = Page(page(findings, [contrasts.SECTION])).text
    assert f"“all” is the mean of a row {words}" in text


def test_one_seed_has_no_interval_and_nothing_is_concluded():
    found = contrasted(experiment(seeds=(1,)))
    assert contrast_sentences(found) == ["One seed in common: nothing can be told from chance."]
    assert "(1 seed)" in contrast_table(found)
    drawn(contrast_plot(found, criterion_styles(CRITERIA)))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"topology": experiment().topology}, "have the same settings; there is nothing to compare"),
        ({"data": "fashion_mnist"}, "their data is digits and fashion_mnist"),
        ({"metric": "test_accuracy_last"}, "their metric is test_accuracy_best and test_accuracy_last"),
        ({"axes": experiment(seeds=(7, 8)).axes.model_dump()}, "no cell with a result for the same seed"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(changes, problem):
    ours = experiment()
    with pytest.raises(InputError, match=problem) as error:
        contrasted(ours, allowing(ours, **changes))
    assert "\n" not in str(error.value)
    assert "made-up and authors" in str(error.value)


def test_values_of_a_setting_that_varies_over_words_are_contrasted_with_its_first():
    def cell(scope, density):
        return Cell("snip", "random", density, (("scope", scope), ("update_period", 25)))

    values = {
        cell(scope, density): {1: 80 + gain, 2: 81 + gain}
        for scope, gain in (("local", 0.0), ("global", 3.0))
        for density in (0.1, 0.2)
    }
    (found,) = along_axes(values)
    assert (found.first, found.second) == ("scope global", "scope local")
    assert set(found.cells) == {Cell("snip", "random", density, (("update_period", 25),)) for density in (0.1, 0.2)}
    assert found.overall["snip", "random"].value == pytest.approx(3)


def test_a_setting_that_varies_over_numbers_is_no_contrast():
    assert along_axes({Cell("snip", "random", 0.1, (("update_period", n),)): {1: 80.0} for n in (25, 50)}) == []


def test_every_point_and_its_interval_are_in_the_figure():
    found = contrasted()
    axes = drawn(contrast_plot(found, criterion_styles(CRITERIA))).axes
    assert [ax.get_title(loc="left") for ax in axes] == ["random growth", "gradient growth"]
    for ax, growth in zip(axes, ("random", "gradient"), strict=True):
        drawn_points = sorted(line.get_xdata()[0] for line in ax.get_lines() if line.get_marker() == "o")
        means = [mean for cell, mean in found.cells.items() if cell.growth == growth]
        means += [mean for (_, grown), mean in found.overall.items() if grown == growth]
        assert drawn_points == pytest.approx(sorted(mean.value for mean in means))
        low, high = ax.get_xlim()
        assert all(low < mean.lower(0.025) and mean.upper(0.025) < high for mean in means)


def test_large_and_small_differences_are_told_apart_in_one_figure():
    ours = experiment()

    def collapsing(run):
        lost = {"random": 60.0, "snip": 0.5}.get(run.cell.criterion, 0.0)
        forbidden = run.setup.topology.resurrection == "forbid" and run.cell.growth is not None
        return 85 - lost * forbidden + 0.01 * (run.seed % 2)

    theirs = allowing(ours)
    found = between_experiments(study_of(ours, accuracy=collapsing), study_of(theirs, accuracy=collapsing))
    ax = drawn(contrast_plot(found, criterion_styles(CRITERIA))).axes[0]
    places = [ax.transAxes.inverted().transform(ax.transData.transform((x, 0)))[0] for x in (-60, -0.5, 0)]
    assert 0 < places[0] < places[1] < places[2] - 0.05
    assert places[2] < 1


def test_the_csv_has_every_number_of_the_table():
    found = contrasted()
    lines = list(csv.DictReader(io.StringIO(contrast_csv(experiment(), found))))
    assert len(lines) == len(found.cells) + len(found.overall)
    for line in lines:
        who = line["criterion"], line["growth"]
        mean = found.cells[Cell(*who, float(line["density"]))] if line["density"] else found.overall[who]
        assert float(line["difference"]) == mean.value
        assert (float(line["low"]), float(line["high"])) == (mean.lower(0.025), mean.upper(0.025))


def test_the_page_has_what_one_change_does_in_words_and_numbers():
    ours = experiment()
    findings = Findings(study_of(ours, accuracy=accuracy), [study_of(allowing(ours), accuracy=accuracy)])
    (found,) = findings.contrasts
    text = Page(page(findings, [contrasts.SECTION])).text
    for sentence in contrast_sentences(found):
        assert sentence in text
    for row in contrast_rows(found)[1]:
        assert " ".join(row) in text


def test_two_experiments_of_one_name_are_not_drawn_as_one():
    ours = experiment()
    others = [allowing(ours), allowing(ours, training={**ours.training, "epochs": 3})]
    with pytest.raises(InputError, match=r"made-up-against-authors.*a name of its own"):
        _ = Findings(study_of(ours), [study_of(each) for each in others]).contrasts


def test_one_command_compares_two_experiments(on_disk, tmp_path):
    fill(tmp_path, "loose")
    assert main(on_disk("loose")) == 0
    written = {path.name for path in (tmp_path / "out" / "strict").glob("strict-against-loose.*")}
    assert written == {f"strict-against-loose.{form}" for form in ("png", "svg", "txt", "md", "csv")}
    assert "forbid, not allow" in (tmp_path / "out" / "strict" / "strict-against-loose.txt").read_text()
    assert 'id="strict-against-loose"' in (tmp_path / "out" / "strict" / "index.html").read_text()


@pytest.mark.parametrize(("other", "problem"), [("loose", "loose has no results"), ("strict", "the same settings")])
def test_a_comparison_that_cannot_be_made_is_one_line_and_writes_nothing(on_disk, tmp_path, capsys, other, problem):
    assert main(on_disk(other)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert problem in line
    assert not (tmp_path / "out").exists()
