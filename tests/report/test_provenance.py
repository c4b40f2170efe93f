"""A page says whose question it asks, and gives the commands that make it again, and not those of another page."""

import shlex
from dataclasses import replace

import pytest

from benchmark.commands.cli import build_parser, main
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.results import ResultsFolder
from benchmark.report.findings import Findings
from benchmark.report.page import page
from benchmark.report.remaking import Asked
from benchmark.report.sections import provenance
from tests.report.made_up import Page, changed, experiment, results_of, study_of

THEIRS = "question, the criteria and the settings are theirs"


def told(findings):
    return Page(page(findings, [provenance.SECTION])).text


def of_figure(figure, **axes):
    return study_of(changed(experiment(densities=(0.1,), seeds=(1,), **axes), figure=figure))


@pytest.mark.parametrize(
    ("study", "words"),
    [
        (of_figure("Figures 1 and 10"), "rebuilds Figures 1 and 10 of Nowak et al.,"),
        (
            of_figure("Figure 6a, on another network"),
            "2306.12230 on another network. The question, the criteria and the",
        ),
    ],
)
def test_an_experiment_of_the_paper_says_which_part_it_rebuilds(study, words):
    assert words in told(Findings(study))
    assert (THEIRS in told(Findings(study))) is ("other" not in words)


@pytest.mark.parametrize(
    "study",
    [
        of_figure(None),
        of_figure("Figure 1", criteria=("magnitude", "grasp")),
        replace(of_figure("Figure 1"), changed=("training.epochs=2",)),
    ],
    ids=["another experiment", "another criterion", "another setting"],
)
def test_nothing_else_is_called_the_papers(study):
    text = told(Findings(study))
    assert "settings are theirs" not in text
    assert "rebuilds" not in text
    assert "Which weights to prune is the question of Nowak et al." in text


PART = ("--growth", "random", "--criteria", "mest(lambda_=0.1),set")


def test_stored_results_are_reported_once_more_with_all_that_was_asked_for():
    study = replace(study_of(experiment(seeds=(1,))), is_stored=True)
    asked = Asked("my file.yaml", PART, ("other.yaml",), "their values")
    (command,) = Findings(study, (), asked).commands
    assert command == (
        "dst-bench report 'my file.yaml' --growth random --criteria 'mest(lambda_=0.1),set' --against other.yaml "
        "--stored --expected 'their values'"
    )
    read = build_parser().parse_args(shlex.split(command)[1:-2])  # without the folder, which there is not
    assert (read.experiment, read.growth, read.against, read.stored) == ("my file.yaml", "random", ["other.yaml"], True)


def test_own_results_are_trained_with_those_that_they_are_compared_with_and_then_reported():
    made = experiment(seeds=(1,))
    other = study_of(changed(made, name="other"))
    found = Findings(study_of(made), [other], Asked("mine.yaml", PART, ("other.yaml",))).commands
    words = "--growth random --criteria 'mest(lambda_=0.1),set'"
    assert found == [
        f"dst-bench reproduce mine.yaml other.yaml {words}",
        f"dst-bench report mine.yaml {words} --against other.yaml",
    ]
    assert Findings(study_of(made)).commands == ["dst-bench reproduce made-up"]


def test_how_results_were_trained_is_told_where_it_is_not_as_always():
    made = experiment(seeds=(1,))
    skipped = study_of(made, skipped=True)
    assert Findings(skipped).commands == ["dst-bench reproduce made-up --no-contract"]
    study = study_of(made)
    (own,) = {run.setup.engine for run, _ in study.results}
    another = "sparse" if own == "dense" else "dense"
    elsewhere = replace(study, results=tuple((run.on(another), result) for run, result in study.results))
    assert Findings(elsewhere).commands == [f"dst-bench reproduce made-up --engine {another}"]


def test_the_command_on_a_page_is_one_that_makes_it(tmp_path, monkeypatch):
    (tmp_path / "two words.yaml").write_text(experiment(seeds=(1,)).model_dump_json(exclude_defaults=True))
    monkeypatch.chdir(tmp_path)
    for _, result in results_of(load_experiment("two words.yaml")):
        ResultsFolder(tmp_path / "results", "made-up").store(result)
    asked = ["report", "two words.yaml", "--growth", "random", "--density", "0.1"]
    assert main([*asked, "--results", "results"]) == 0
    text = (tmp_path / "report" / "made-up" / "index.html").read_text()
    assert "dst-bench reproduce &#39;two words.yaml&#39; --growth random --density 0.1</code>" in text
