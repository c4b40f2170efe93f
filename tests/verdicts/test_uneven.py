"""Cells that differ in their number of seeds are stored when somebody asks for it, and judged each by its own."""

import datetime
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.report.tables import results_table
from benchmark.verdicts.accepting import accept_study
from benchmark.verdicts.check import check, check_study
from benchmark.verdicts.expected import read_expected
from benchmark.verdicts.standing import standing
from tests.report.made_up import experiment, page_of, results_of, study_of
from tests.running.tiny import TINY

TODAY = datetime.date(2026, 3, 14)
MADE = experiment(densities=(0.05, 0.1, 0.2), seeds=(1, 2, 3, 4, 5))
MORE = 0.05
"""The density at which there are five seeds; at the others there are three."""


def uneven_study():
    found = [each for each in results_of(MADE) if each[0].seed <= 3 or each[0].cell.density == MORE]
    return replace(study_of(MADE), results=tuple(found))


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "made-up.yaml"
    accept_study(uneven_study(), path, TODAY)
    return read_expected(path)


def test_each_cell_is_stored_with_the_seeds_that_it_has_and_the_source_says_so(stored):
    for cell in stored.cells:
        estimate = cell.estimates["measured"]
        assert estimate.n == len(estimate.values) == (5 if cell.density == MORE else 3)
    assert stored.sources["measured"].note == "5 seeds at density 0.05; 3 at density 0.1, 0.2, 1"


def test_tables_and_the_page_say_that_cells_differ_in_their_seeds(stored):
    study = uneven_study()
    said = "not every cell has as many seeds: 5 seeds at density 0.05; 3 at density 0.1, 0.2, 1"
    assert said in results_table(study)
    page = page_of(study, stored)
    assert said in page
    assert "3 to 5 seeds in each cell" in page
    assert "not every cell" not in results_table(study_of(MADE))


def test_where_densities_are_mixed_the_cells_are_counted():
    study = uneven_study()
    one = next(run.cell for run, _ in study.results if run.cell.density == MORE)
    fewer = tuple(each for each in study.results if each[0].cell != one or each[0].seed == 1)
    at_most = len(study.samples)
    with_five = len([cell for cell in study.samples if cell.density == MORE]) - 1
    assert replace(study, results=fewer).uneven == (
        f"5 seeds in {with_five} cells; 3 in {at_most - with_five - 1} cells; 1 in 1 cell"
    )


def test_the_same_runs_are_reproduced_and_more_seeds_too(stored):
    for study in (uneven_study(), study_of(MADE)):
        outcome = check_study(replace(study, expected=stored))
        assert outcome.exit_status(strict=study.uneven is not None) == 0, outcome.overall


def test_an_honest_rerun_with_other_seeds_passes_and_a_moved_criterion_does_not(stored):
    generator = np.random.default_rng(0)
    truth = {cell.cell: cell.estimates["measured"] for cell in stored.cells}

    def rerun(shift):
        return {
            cell: {
                seed + 100: estimate.mean
                + (estimate.std or 0) * generator.standard_normal()
                + (shift if cell.criterion == "snip" else 0)
                for seed in estimate.values
            }
            for cell, estimate in truth.items()
        }

    assert sum(check(rerun(0), stored).exit_status() for _ in range(12)) == 0
    assert all(check(rerun(-6), stored).exit_status() for _ in range(2))


def test_a_standing_has_the_seeds_of_each_setting():
    rows = standing(uneven_study().samples, experiment="made-up").rows
    assert {(row.density, row.n) for row in rows if row.density} == {(0.05, 5), (0.1, 3), (0.2, 3)}
    assert {row.n for row in rows if row.density is None} == {3}


def test_uneven_cells_are_accepted_only_where_somebody_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    axes = {**TINY["axes"], "criteria": ["magnitude"]}
    content = {**TINY, "baselines": ["static"], "axes": axes, "training": {**TINY["training"], "epochs": 1}}
    Path("tiny.yaml").write_text(yaml.safe_dump(content))
    assert main(["run", "tiny.yaml", "--criteria", "static", "--seeds", "1-2"]) == 0
    assert main(["accept", "tiny.yaml", "--uneven"]) == 2
    assert "1 of 2 cells of tiny have no result, such as magnitude · random · 0.2" in capsys.readouterr().err
    assert main(["run", "tiny.yaml", "--criteria", "magnitude", "--seeds", "1", "--no-contract"]) == 0
    assert main(["accept", "tiny.yaml"]) == 2
    assert "1 of 4 runs of tiny have no result" in capsys.readouterr().err
    assert main(["accept", "tiny.yaml", "--uneven"]) == 0
    assert "stored 3 results of 2 cells" in capsys.readouterr().out
    stored = {cell.criterion: cell.estimates["measured"].n for cell in read_expected(expected_file()).cells}
    assert stored == {"magnitude": 1, "static": 2}
    assert main(["check", "tiny.yaml"]) == 0

    for result in Path("results").rglob("*.json"):
        if '"static"' in result.read_text() and '"seed": 2' in result.read_text():
            result.unlink()
    before = expected_file().read_bytes()
    capsys.readouterr()
    assert main(["accept", "tiny.yaml", "--uneven"]) == 2
    assert "that have no result here, of seed 2" in capsys.readouterr().err
    assert expected_file().read_bytes() == before
    assert main(["accept", "tiny.yaml", "--seeds", "1"]) == 2
    assert "that have no result here, of seed 2; run them, ask for all seeds" in capsys.readouterr().err
    assert expected_file().read_bytes() == before


def expected_file():
    return Path("expected_results/tiny.yaml")
