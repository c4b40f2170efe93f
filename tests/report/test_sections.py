"""What the page tells of an experiment's settings, and that a section is one module with one template."""

from pathlib import Path

import pytest

from benchmark.experiments.experiment import load_experiment
from benchmark.report import sections
from benchmark.report.sections import SECTIONS
from benchmark.report.settings import setup_settings
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
