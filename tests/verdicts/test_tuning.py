"""Choosing parameters is part of a method: on validation data alone, with its cost counted."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmark.commands.cli import main
from benchmark.data import source_of
from benchmark.experiments.search import Search
from benchmark.verdicts.tuning import as_contender, choose, tuned
from criteria.errors import InputError
from tests.report.made_up import experiment, results_of
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


def test_a_grid_is_every_combination_of_the_values():
    found = Search.parse("mest(lambda_=tune(1, 2))")
    assert [str(spec) for spec in found.candidates] == ["mest", "mest(lambda_=2.0)"]  # 1 is what it has by default
    assert found.name == "mest(lambda_=tune(1, 2))"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mest", "no criterion with values"),
        ("mest(lambda_=1)", "nothing to choose from"),
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


@pytest.mark.parametrize("name", ["cifar100-vgg16", "imagenet-resnet50", "tinyimagenet-efficientnet"])
def test_nothing_is_chosen_where_validation_examples_are_test_examples(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert main(["tune", "mest(lambda_=tune(0.1, 10))", "--on", name]) == 2
    error = capsys.readouterr().err
    assert "its validation examples are its test examples" in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())
    assert not any(source_of(other).validation_is_test for other in ("digits", "fashion_mnist", "cifar10", "higgs"))
