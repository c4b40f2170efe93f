"""What a source of numbers says of them: the kind of its spreads, how many runs, which epoch, and where they stand."""

import math
from pathlib import Path

import pytest

from benchmark.commands.cli import main
from benchmark.experiments.cells import Cell
from benchmark.verdicts.check import check
from benchmark.verdicts.expected import Estimate, Expected, read_expected
from benchmark.verdicts.rendering import render
from benchmark.verdicts.value_source import Source
from criteria.errors import InputError
from tests.report.made_up import Page, changed, experiment, page_of, study_of
from tests.verdicts.test_check import CELL, MEASURED, around, expecting, others

RELEASED = Path(__file__).parents[2] / "expected_results"


def published(**said):
    return Source(kind="published", reference="A paper", place="Table 2", **said)


def stored(source, estimate, cell=CELL):
    content = {"experiment": "example", "metric": "test_accuracy_best", "tolerance": 1.0, "sources": {"paper": source}}
    return Expected.model_validate(content | {"cells": [{**cell.to_mapping(), "paper": estimate}]})


@pytest.mark.parametrize(
    ("spread", "compared"),
    [(None, 0.2), ("sd", 0.2), ("standard_error", 0.2 * math.sqrt(5)), ("unknown", 0.2 * math.sqrt(5))],
)
def test_a_spread_is_compared_as_a_standard_deviation_and_an_unknown_one_as_the_larger_of_two(spread, compared):
    found = stored(published(spread=spread), Estimate(mean=90.0, std=0.2, n=5))
    (row,) = check({CELL: around(90.1, 0.3)}, found).rows
    assert row.expected.std == pytest.approx(compared)
    assert found.cells[0].estimates["paper"].std == 0.2


def test_a_published_value_with_its_spread_misread_does_not_deviate():
    estimate, measured = Estimate(mean=90.0, std=0.5, n=9), {CELL: around(91.2, 1.5, n=9)}
    assert check(measured, stored(published(spread="sd"), estimate, CELL)).rows[0].p < 0.05
    assert check(measured, stored(published(spread="unknown"), estimate, CELL)).rows[0].p > 0.05


def test_a_source_that_says_how_many_runs_has_no_value_of_another_number():
    with pytest.raises(InputError, match="source 'paper' says n: 3"):
        validated(published(n=3), Estimate(mean=90.0, n=5))


def validated(source, estimate):
    from benchmark.system.yamlfile import validate

    content = stored(published(), estimate).model_dump() | {"sources": {"paper": source}}
    return validate(Expected, content, "values")


def test_the_check_says_what_is_known_of_a_source_and_that_it_took_another_epoch():
    found = stored(published(spread="unknown", n=5, epoch="last"), Estimate(mean=90.0, std=0.2, n=5))
    text = " ".join(render(check({CELL: around(90.1, 0.3)}, found)).split())
    assert "published values: A paper, Table 2; of the last epoch; means of 5 runs; ± is a spread of unknown" in text
    assert "paper gives accuracies of the last epoch, and the metric here is test_accuracy_best" in text
    same = stored(published(epoch="best"), Estimate(mean=90.0, std=0.2, n=5))
    assert "and the metric here" not in render(check({CELL: around(90.1, 0.3)}, same))


def test_the_page_says_it_too():
    made = study_of(experiment(criteria=("magnitude",), densities=(0.1,)))
    cell = Cell("magnitude", "random", 0.1)
    expected = stored(published(spread="standard_error", n=3), Estimate(mean=81.0, std=0.5, n=3), cell)
    text = Page(page_of(made, expected.model_copy(update={"experiment": "made-up"}))).text
    assert "Published values: A paper, Table 2; means of 3 runs; ± is standard error." in text
    assert "The question and the settings are those of the published values." in text


def test_what_is_published_and_not_yet_run_is_told_without_an_error():
    outcome = check({}, stored(published(), Estimate(mean=90.0, std=0.2, n=5)))
    assert [row.verdict for row in outcome.rows] == ["missing"]
    assert (outcome.exit_status(), outcome.exit_status(strict=True)) == (0, 1)
    assert "nothing of example has been run yet, so none of its published cells is" in " ".join(render(outcome).split())
    with pytest.raises(InputError, match="there is no result to check"):
        check({}, expecting({CELL: others(around(85, 0.2))}, provenance=MEASURED))


def test_before_any_training_the_command_lists_the_published_table(tmp_path, capsys):
    assert main(["check", "cifar10-wrn22-2", "--results", str(tmp_path)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "93.10 ± 0.09 - - missing" in text
    assert "`dst-bench run cifar10-wrn22-2` trains them" in text


def test_the_published_table_of_the_tutorial_has_every_seed():
    found = read_expected(RELEASED / "set-tutorial-fmnist.yaml")
    values = {cell.criterion: list(each["published"].values.values()) for cell, each in found.by_cell.items()}
    assert values == {
        "set_each_sign": [84.2, 84.2, 85.1, 84.4, 83.9],
        "static": [84.9, 82.2, 83.9, 84.4, 84.1],
        "dense": [81.9, 80.0, 81.2, 81.0, 83.6],
    }


def test_the_page_says_how_sure_an_accuracy_on_so_many_test_images_can_be():
    made = changed(experiment(criteria=("set",), densities=(0.1,)), data="fashion_mnist_tutorial")
    text = Page(page_of(study_of(made, accuracy=lambda run: 84.0))).text
    assert "1,000 examples, so an accuracy of 84% has a sampling error of 1.2 points; all rules and seeds share" in text
    assert "sampling error" not in Page(page_of(study_of(experiment(criteria=("set",), densities=(0.1,))))).text
