"""Choosing parameters is part of a method: on validation data alone, with its cost counted."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmark.commands.cli import main
from benchmark.data import source_of
from benchmark.experiments.cells import Cell
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.results import samples
from benchmark.experiments.search import Search
from benchmark.report.findings import Findings
from benchmark.report.sections.tuning import SECTION
from benchmark.verdicts.expected import Estimate
from benchmark.verdicts.remarks import Noted
from benchmark.verdicts.standing import standing
from benchmark.verdicts.tuning import as_contender, choice_row, choose, noted_of, tuned
from criteria.errors import InputError
from tests.report.made_up import Page, changed, experiment, page_of, results_of, study_of
from tests.running.tiny import TINY

SEARCH = Search.parse("mest(lambda_=tune(0.1, 1.0, 10.0))")
NAMES = [str(spec) for spec in SEARCH.candidates]


def made_up(validation, test):
    """Results of all candidates, with a validation and a test accuracy by their place in the grid."""
    made = experiment(criteria=tuple(NAMES), growths=("random",), densities=(0.1,), seeds=(1, 2, 3))
    found = []
    for run, result in results_of(made):
        if run.cell.criterion in NAMES:
            place = NAMES.index(run.cell.criterion)
            fields = {"validation_accuracy": [validation[place]], "test_accuracy_best": test[place]}
            for name, value in fields.items():
                setattr(result.outcome, name, value)
        found.append((run, result))
    return tuple(found)


accuracies = st.lists(st.floats(0, 100), min_size=3, max_size=3)


@given(accuracies, accuracies, accuracies)
def test_no_test_accuracy_can_change_the_choice(validation, test, other):
    first, second = (tuned(SEARCH, made_up(validation, each), "test_accuracy_best") for each in (test, other))
    assert [each.chosen for each in first] == [each.chosen for each in second]
    assert first[0].chosen == NAMES[validation.index(max(validation))]
    assert set(first[0].test.values()) == {test[NAMES.index(first[0].chosen)]}


def test_of_equals_the_first_of_the_grid_is_chosen():
    assert choose({"b": [50.0, 70.0], "a": [60.0, 60.0]}) == "b"


def test_every_training_of_the_search_is_counted():
    (choice,) = tuned(SEARCH, made_up([1, 2, 3], [0, 0, 0]), "test_accuracy_best")
    assert choice.runs == 3 * 3
    assert choice.validation == dict(zip(NAMES, [1, 2, 3], strict=True))


def test_a_choice_says_with_which_seeds_what_it_chose_diverged():
    results = made_up([1, 3, 2], [50.0, 60.0, 70.0])
    for run, result in results:
        result.outcome.diverged = run.seed != 2
    choices = tuned(SEARCH, results, "test_accuracy_best")
    assert choice_row(choices[0])[2] == "mest (diverged with seeds 1, 3)"
    diverged = [(run.cell, run.seed) for run, result in results if result.outcome.diverged]
    noted = noted_of(SEARCH, choices, Noted(diverged=diverged, unproven=diverged))
    search = Cell(SEARCH.name, "random", 0.1)
    assert [each for each in noted.diverged if each not in diverged] == [(search, 1), (search, 3)]
    assert set(noted.unproven) == set(noted.diverged)
    assert not noted.untouched


def test_a_search_that_lacks_results_of_a_candidate_chooses_nothing():
    results = made_up([1, 2, 3], [0, 0, 0])
    for lacking in (results[:-1], [pair for pair in results if pair[0].cell.criterion != NAMES[2]]):
        with pytest.raises(InputError, match="candidates lack results"):
            tuned(SEARCH, tuple(lacking), "test_accuracy_best")


def test_a_search_competes_as_one_criterion_in_place_of_its_candidates():
    results = made_up([1, 3, 2], [50.0, 60.0, 70.0])
    choices = tuned(SEARCH, results, "test_accuracy_best")
    known = {run.cell: {1: 0.0} for run, _ in results}
    found = {cell.criterion for cell in as_contender(SEARCH, choices, known)}
    assert found == {SEARCH.name, "static", "dense"}


def test_a_search_that_chose_what_is_stored_stands_beside_it_and_not_a_rounding_above():
    results = made_up([1, 3, 2], [50.0, 100 * 434 / 450, 70.0])
    (choice,) = choices = tuned(SEARCH, results, "test_accuracy_best")
    stored = Estimate.from_values(choice.test).values
    known = {Cell("magnitude", "random", 0.1): stored, Cell("set", "random", 0.1): dict.fromkeys(stored, 90.0)}
    found = standing(as_contender(SEARCH, choices, known))
    assert {row.criterion: row.rank for row in found.rows} == {"magnitude": 1.5, SEARCH.name: 1.5, "set": 3}


def test_a_search_can_be_compared_with_a_candidate_of_its_own():
    results = made_up([1, 3, 2], [50.0, 60.0, 70.0])
    choices = tuned(SEARCH, results, "test_accuracy_best")
    known = samples(results, "test_accuracy_best")
    found = standing(as_contender(SEARCH, choices, known, NAMES[0]), reference=NAMES[0])
    assert {row.criterion for row in found.rows} == {NAMES[0], SEARCH.name}
    (row,) = (row for row in found.rows if row.criterion == SEARCH.name)
    assert row.difference == pytest.approx(10.0)


def test_a_grid_is_every_combination_of_the_values():
    found = Search.parse("mest(lambda_=tune(1, 2))")
    assert [str(spec) for spec in found.candidates] == ["mest", "mest(lambda_=2.0)"]  # 1 is what it has by default
    assert found.name == "mest(lambda_=tune(1, 2))"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mest", "no criterion with values"),
        ("mest(lambda_=1)", "nothing to choose from"),
        ("mest(lambda_=tune(0.1, 0.1))", "one value to choose from, several times"),
        ("mest(lambda_=tune())", "takes values"),
        ("mest(lambda_=tune(x, 1))", "no plain value"),
        ("mest(lambda_=choose(1, 2))", "no plain value"),
        ("mest(tune(1, 2))", "no criterion with values"),
        ("mest(lambd=tune(1, 2))", "lambda_"),
        ("mesd(lambda_=tune(1, 2))", "did you mean 'mest'?"),
        (f"mest(lambda_=tune({', '.join(map(str, range(200)))}))", "200 combinations"),
        ("mest(", "no criterion with values"),
    ],
)
def test_what_is_no_search_is_refused_in_one_line(text, said, capsys):
    assert main(["tune", text]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_command_trains_chooses_and_tells_the_cost_and_the_standing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump({**TINY, "training": {**TINY["training"], "epochs": 2}}))
    options = ["--on", "tiny.yaml", "--no-contract"]
    assert main(["run", "tiny.yaml", "--no-contract"]) == 0
    assert main(["accept", "tiny.yaml"]) == 0
    capsys.readouterr()
    assert main(["tune", "mest(lambda_=tune(0.1, 10))", *options]) == 0
    said = capsys.readouterr().out
    assert "The search took 4 trainings" in said
    assert "2.0 times" in said
    assert "mest(lambda_=tune(0.1, 10)) at density 0.2 with random growth" in said
    assert main(["tune", "mest(lambda_=tune(0.1, 10))", *options, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["choices"][0]["chosen"] in told["choices"][0]["validation"]
    assert main(["tune", "mest(lambda_=tune(0.1, 10))", *options, "--set", "training.epochs=1"]) == 0
    said = capsys.readouterr().out
    assert "It is compared with nothing: neither results nor expected values are there of magnitude" in said
    assert main(["run", "tiny.yaml", "--no-contract", "--set", "training.epochs=1"]) == 0
    capsys.readouterr()
    assert main(["tune", "mest(lambda_=tune(0.1, 10))", *options, "--set", "training.epochs=1"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if " at density 0.2 " in line]
    assert "magnitude: " in line
    assert "; trained with --no-contract" in line


@pytest.mark.parametrize("name", ["cifar100-vgg16", "imagenet-resnet50", "tinyimagenet-efficientnet"])
def test_nothing_is_chosen_where_validation_examples_are_test_examples(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert main(["tune", "mest(lambda_=tune(0.1, 10))", "--on", name]) == 2
    error = capsys.readouterr().err
    assert "its validation examples are its test examples" in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
    assert not any(source_of(other).validation_is_test for other in ("digits", "fashion_mnist", "cifar10", "higgs"))


GRID = {"method": "mest(lambda_=tune(0.1, 1, 10))", "budget": 18}


def written(**changes):
    axes = {"criteria": ["magnitude"], "growths": ["random"], "densities": [0.1, 0.2], "seeds": [1, 2, 3]}
    Path("own.yaml").write_text(yaml.safe_dump({**TINY, "axes": axes, "tuning": [GRID], **changes}))
    return "own.yaml"


def test_the_candidates_of_a_declared_grid_are_among_the_criteria_of_the_experiment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = load_experiment(written())
    assert [str(spec) for spec in found.axes.criteria] == [
        "magnitude",
        "mest(lambda_=0.1)",
        "mest",
        "mest(lambda_=10.0)",
    ]
    assert load_experiment("own.yaml", axes={"criteria": ["magnitude"]}).axes.criteria == found.axes.criteria[:1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"tuning": [{**GRID, "budget": 17}]},
            "takes 18 trainings, 6 of each of its 3 candidates, and",
        ),
        ({"tuning": [{"method": GRID["method"]}]}, "budget"),
        ({"tuning": [{**GRID, "method": "mest(lambda_=1)"}]}, "nothing to choose from"),
        ({"data": "cifar100"}, "its validation examples are its test examples"),
    ],
    ids=["too dear", "without a budget", "without a grid", "on the test set"],
)
def test_a_search_that_is_not_fair_or_not_affordable_is_refused_in_one_line(
    tmp_path, monkeypatch, capsys, changes, said
):
    monkeypatch.chdir(tmp_path)
    assert main(["run", written(**changes)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_page_tells_what_a_declared_grid_chose_what_it_cost_and_where_the_method_stands():
    made = experiment(criteria=("magnitude", *NAMES), growths=("random",), densities=(0.1, 0.2), seeds=(1, 2, 3))
    made = changed(made, tuning=({"method": SEARCH.name, "budget": 30},))
    findings = Findings(study_of(made))
    text = Page(page_of(findings.study)).text
    assert "The search took 18 trainings; no test accuracy decided anything. Its budget is 30 trainings." in text
    assert f"{SEARCH.name} at density 0.1 with random growth" in text
    rows = list(csv.DictReader(io.StringIO(dict(SECTION.files(findings))["tuning.csv"])))
    assert len(rows) == 2 * 3
    assert [row["chosen"] for row in rows].count("1") == 2
    kept = tuple(each for each in findings.study.results if each[0].cell.criterion != NAMES[2])
    lacking = replace(findings.study, results=kept)
    assert "nothing is chosen yet" in Page(page_of(lacking)).text
    assert not list(SECTION.files(Findings(lacking)))
