"""What the page tells of an experiment's settings, and that a section is one module with one template."""

import re
from pathlib import Path

import pytest

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import cells
from benchmark.report import sections
from benchmark.report.figures.accuracy import accuracy_plot
from benchmark.report.figures.words import seeds_in_words
from benchmark.report.findings import Findings
from benchmark.report.page import page
from benchmark.report.references import WORDS, reference_words
from benchmark.report.section import setting_text
from benchmark.report.sections import SECTIONS, what
from benchmark.report.settings import setup_settings
from benchmark.report.writing import write_report
from criteria.plugins import names
from tests.report.made_up import Page, changed, experiment, page_of, study_of

FOLDER = Path(sections.__file__).parent


def test_every_module_of_the_folder_is_a_section_with_its_template_and_every_section_is_one():
    modules = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    templates = {path.name.removesuffix(".html.jinja") for path in FOLDER.glob("*.html.jinja")}
    names = [section.name for section in SECTIONS]
    assert len(set(names)) == len(names)
    assert set(names) == modules == templates


def test_a_setting_that_varies_is_told_with_all_its_values_and_never_as_one():
    made = load_experiment("cifar10-mlp-period", axes={"seeds": [1], "criteria": ["set"], "growths": ["random"]})
    text = Page(page_of(study_of(made))).text
    periods = ", ".join(map(str, made.axes.settings["topology.update_period"]))
    assert f"update period (in optimizer steps) varies over {periods}, initial distribution erk" in text
    assert periods.startswith("25, ")
    assert periods.endswith(", 6400")
    assert "updated every" not in text


def test_a_setting_that_all_setups_share_is_told_as_such():
    text = Page(page_of(study_of(experiment(seeds=(1,))))).text
    assert "digits, mlp, widths 16" in text
    assert "2 epochs, batches of 128, learning rate 0.1" in text
    assert "updated every 5 steps, initial distribution erk" in text
    assert "varies" not in text


def test_settings_that_are_not_the_papers_are_told_too():
    made = changed(
        experiment(),
        training={"epochs": 1, "batch_size": 8, "learning_rate": 0.1, "label_smoothing": 0.1},
        topology={"update_period": 1, "scope": "global", "normalisation": {"by": "max"}},
    )
    told = setup_settings(made)
    assert told.training == "1 epoch, batches of 8, learning rate 0.1, label smoothing 0.1"
    assert told.topology == (
        "updated every 1 step, initial distribution erk, scope global, normalisation over layer, normalisation by max"
    )


def test_a_list_without_entries_is_told_in_words():
    made = changed(
        experiment(),
        training={"epochs": 1, "batch_size": 8, "learning_rate": 0.1, "milestones": [], "label_smoothing": 0.5},
    )
    assert setup_settings(made).training.endswith(", no milestones, label smoothing 0.5")
    assert setting_text({"milestones": [], "epochs": 2}) == "milestones none, epochs 2"


def what_of(**changes):
    """The section that says what was done, of an experiment without all its seeds."""
    return Page(page(Findings(study_of(changed(experiment(seeds=(1,)), **changes))), [what.SECTION])).text


@pytest.mark.parametrize(
    ("baselines", "words"),
    [
        (
            ["static", "dense"],
            "Two references show what that is worth: static , just as sparse, with a topology that never changes; "
            "dense , with all weights.",
        ),
        (
            ["dense", "dropout(p=0.2)"],
            "dense , with all weights; dropout(p=0.2) , with all weights, and with dropout.",
        ),
        (["dense"], "One reference shows what that is worth: dense , with all weights."),
    ],
)
def test_references_are_those_that_the_experiment_has(baselines, words):
    text = what_of(baselines=baselines)
    assert words in text
    assert ("static" in text) is ("static" in baselines)


def test_without_baselines_there_are_no_references():
    assert "reference" not in what_of(baselines=[]).lower()


def test_a_baseline_that_others_wrote_is_named_and_not_explained():
    assert reference_words(["theirs(k=1)", "dense"]) == {"theirs(k=1)": "", "dense": WORDS["dense"]}
    assert WORDS.keys() <= set(names("baseline"))


def test_no_heading_stands_above_nothing(tmp_path):
    made = experiment(criteria=(), seeds=(1, 2))
    findings = Findings(study_of(changed(made, baselines=["dense"])))
    write_report(tmp_path, findings)
    html = (tmp_path / "index.html").read_text()
    assert [plot.name for plot in findings.plots] == ["accuracy"]
    assert 'id="figures"' not in html
    assert {path.name for path in tmp_path.glob("accuracy.*")} == {f"accuracy.{form}" for form in ("png", "svg", "csv")}


@pytest.mark.parametrize(
    ("baselines", "words"),
    [
        (
            ["static", "dense"],
            "Grey: static (just as sparse, with a topology that never changes), dense (with all weights).",
        ),
        (["dropout"], "Grey: dropout (with all weights, and with dropout)."),
        ([], None),
    ],
)
def test_the_caption_names_the_baselines_that_the_figure_has(baselines, words):
    made = changed(experiment(seeds=(1,)), baselines=baselines)
    caption = accuracy_plot(cells(made), study_of(made).samples).caption
    assert words in caption if words else "Grey" not in caption


@pytest.mark.parametrize(("seeds", "words"), [((1, 2, 3), "3 seeds"), ((1,), "1 seed")])
def test_every_caption_says_how_many_seeds_there_are(seeds, words):
    ours = experiment(criteria=("magnitude", "set", "snip"), seeds=seeds)
    other = study_of(changed(ours, name="another", topology={"update_period": 7}))
    found = Findings(study_of(ours), [other])
    plots = [*found.plots, *found.standing_plots, *found.contrast_plots]
    assert {plot.name for plot in plots} >= {"accuracy", "gains", "ranks", "standing-ranks", "made-up-against-another"}
    for plot in plots:
        assert re.search(rf"\b{words}\b", plot.caption), plot.name


def test_a_number_of_seeds_that_differs_is_a_span():
    assert seeds_in_words([5, 3, 5]) == "3 to 5 seeds"


@pytest.mark.parametrize(
    ("key", "values", "part", "words"),
    [
        ("training.batch_size", (64, 128), "training", "batch size varies over 64, 128"),
        ("topology.prune_fraction.start", (0.2, 0.5), "topology", "prune fraction start varies over 0.2, 0.5"),
    ],
)
def test_any_setting_can_vary(key, values, part, words):
    made = experiment()
    kept = {name: value for name, value in getattr(made, part).items() if not key.endswith(name)}
    told = setup_settings(changed(made, **{part: kept}, axes={**made.axes.model_dump(), "settings": {key: values}}))
    assert words in getattr(told, part)


def test_every_rule_of_an_experiment_is_explained():
    made = experiment(seeds=(1,))
    axes = {**made.axes.model_dump(), "settings": {"topology.resurrection": ("forbid", "restart")}}
    text = Page(page_of(study_of(changed(made, axes=axes)))).text
    assert "growth cannot bring back what the same update has pruned" in text
    assert "growth may bring back, from zero, what the same update has pruned" in text


def test_criteria_that_share_the_highest_or_every_mean_are_named_together():
    made = experiment(criteria=("magnitude", "set", "snip"), growths=("gradient",), densities=(0.05,))
    same = Page(page_of(study_of(made, accuracy=lambda run: 60.0))).text
    assert "with gradient growth magnitude and set and snip have the same mean, 60.0%; static has" in same
    two = Page(page_of(study_of(made, accuracy=lambda run: 50.0 + 10 * (run.cell.criterion != "set")))).text
    assert "with gradient growth magnitude and snip have the highest mean, 60.0%, and set the lowest, 50.0%;" in two


def test_at_the_lowest_density_a_baseline_has_its_accuracy_there_and_not_that_with_all_weights():
    made = experiment(criteria=("magnitude", "set"), growths=("gradient",), densities=(0.05, 1.0))
    text = Page(page_of(study_of(made, accuracy=lambda run: 60 + 30 * run.cell.density))).text
    assert "At density 0.05 with gradient growth" in text
    assert "; static has 61.5%; dense has 90.0%." in text
