"""The first screen says what was asked, what came out and why to believe it; every figure can be read without eyes."""

import csv
import io
import re
from dataclasses import replace

import pytest

from benchmark.experiments.cells import Cell
from benchmark.report.figures.cost import front
from benchmark.report.figures.styles import KNOWN, OTHERS, criterion_styles
from benchmark.report.findings import Findings
from benchmark.report.page import page
from benchmark.report.sections import SECTIONS
from benchmark.report.sections.lead import lead_plot
from benchmark.report.writing import write_report
from benchmark.verdicts.expected import MEASURED, Estimate, Expected, Source, StoredCell
from tests.report.made_up import CRITERIA, Page, changed, experiment, page_of, study_of

OWN = "grasp"


def stored_of(study):
    """All results of a study as stored values."""
    source = Source(kind="measured", version="0", torch="0", device="cpu", date="2026-01-01")
    cells = tuple(
        StoredCell.model_validate(cell.to_mapping() | {MEASURED: Estimate.from_values(values)})
        for cell, values in study.samples.items()
    )
    kinds = {"experiment": "made-up", "metric": "test_accuracy_best", "tolerance": 1.0}
    return Expected(**kinds, sources={MEASURED: source}, cells=cells)


@pytest.fixture(scope="module")
def own():
    """Findings of a criterion alone, beside stored values of the others."""
    densities = (0.05, 0.2)
    stored = stored_of(study_of(experiment(densities=densities)))
    alone = study_of(changed(experiment(criteria=(OWN,), densities=densities), baselines=()))
    return Findings(replace(alone, expected=stored.model_copy(update={"cells": ()}), stored=stored))


@pytest.fixture(scope="module")
def own_page(own):
    return page(own)


def test_the_page_begins_with_the_question_the_answer_and_the_reasons(own_page):
    text = Page(own_page).text
    places = [text.index(words) for words in ("How good is grasp", "What came out", "Why believe it", "Results")]
    assert places == sorted(places)
    assert "3 seeds" in text
    assert re.search(r"grasp over all densities with random growth: [\d.]+%, rank \S+ of 6", text)
    assert 'class="unexpected"' not in own_page


def test_one_run_is_not_said_to_be_several():
    study = study_of(experiment(densities=(0.05,)))
    text = Page(page(Findings(replace(study, results=study.results[:1])))).text
    assert re.search(r"\b1 run, 1 seed\b", text)
    assert not re.search(r"(?<! of )\b1 runs", text)


def test_somebodys_own_criterion_leads_with_its_differences_to_the_reference(own):
    assert lead_plot(own).name == "standing-differences"
    assert lead_plot(Findings(study_of(experiment()))).name == "accuracy"
    assert {row[0] for row in lead_plot(own).rows} == {*CRITERIA, OWN} - {"magnitude"}


def test_stored_results_are_called_expected_values_and_not_compared_with_themselves():
    study = study_of(experiment(densities=(0.05, 0.2)))
    stored = stored_of(study)
    findings = Findings(replace(study, expected=stored, stored=stored, is_stored=True))
    assert findings.check is None
    text = page_of(findings.study, stored)
    read = Page(text).text.rpartition("}")[2]  # after the style sheet
    assert "Expected values Other runs are compared with these values" in read
    assert f"of {len(study.samples)} cells" in read
    assert "stored on 1 January 2026" in read
    assert f"{len(study.results)} runs: dst-bench 0.0, torch 0.0, a <very> special device, dense engine" in read
    assert "dst-bench report made-up --stored" in read
    assert "reproduced" not in read
    assert 'class="verdict reproduced"' not in text
    assert "Why believe it" not in read
    assert "Warning" not in read


def test_stored_results_are_compared_with_what_others_found():
    study = study_of(experiment(criteria=CRITERIA[:2], densities=(0.05, 0.2)))
    stored = stored_of(study)
    theirs, *rest = stored.cells
    both = StoredCell.model_validate(
        theirs.cell.to_mapping() | theirs.estimates | {"authors": theirs.estimates[MEASURED]}
    )
    sources = {**stored.sources, "authors": Source(kind="authors_code", code="theirs")}
    known = stored.model_copy(update={"sources": sources, "cells": (both, *rest)})
    findings = Findings(replace(study, expected=known, stored=known, is_stored=True))
    assert [(row.cell, row.source) for row in findings.check.rows] == [(theirs.cell, "authors")]
    assert "Beside runs of the authors' code: 1 reproduced" in Page(page_of(findings.study, known)).text


def test_an_expected_value_that_is_not_of_the_runs_kept_beside_it_is_named():
    study = study_of(experiment(criteria=CRITERIA[:2], densities=(0.05, 0.2)))
    stored = stored_of(study)
    first, *rest = stored.cells
    edited = Estimate.from_values({seed: value - 1 for seed, value in first.estimates[MEASURED].values.items()})
    changed_cell = StoredCell.model_validate(first.cell.to_mapping() | {MEASURED: edited})
    stored = stored.model_copy(update={"cells": (changed_cell, *rest)})
    text = Page(page_of(replace(study, is_stored=True), stored)).text
    assert "Warning: 1 of the expected values are not those of the runs that are kept beside them" in text
    assert f"the first is {first.cell}" in text


def test_the_first_figure_is_on_the_page_once(own, own_page):
    assert len(re.findall(rf'class="on-light" src="[^"]+" alt="{lead_plot(own).title}\.', own_page)) == 1


def test_every_figure_has_its_numbers_beside_it_and_says_in_words_what_is_to_be_seen(tmp_path):
    findings = Findings(study_of(experiment(densities=(0.05, 0.2))))
    write_report(tmp_path, findings)
    for plot in [*findings.plots, *findings.standing_plots]:
        rows = list(csv.DictReader(io.StringIO((tmp_path / f"{plot.name}.csv").read_text())))
        assert len(rows) == len(plot.rows) > 0
        assert "magnitude" in plot.alt
    page_text = (tmp_path / "index.html").read_text()
    assert len(re.findall('class="on-light"', page_text)) == len(
        re.findall(r'<a href="[\w-]+\.csv">The numbers', page_text)
    )
    for name in re.findall(r'href="([\w-]+\.csv)"', page_text):
        assert (tmp_path / name).exists()


def test_every_criterion_has_a_colour_of_its_own_also_those_that_nobody_knows():
    everyone = [*KNOWN, *(f"mine-{number}" for number in range(20))]
    styles = criterion_styles(everyone)
    assert len({style["color"] for style in styles.values()}) == len(everyone)
    assert styles["mine-0"]["color"] == OTHERS[0]


def test_a_colour_does_not_depend_on_who_else_is_in_the_figure():
    some, more = criterion_styles(["snip", "mine"]), criterion_styles(["magnitude", "random", "snip", "mine"])
    assert some["snip"] == more["snip"]
    assert some["mine"]["color"] == more["mine"]["color"]


def test_figures_of_one_report_agree_on_colours():
    study = study_of(experiment(criteria=(*CRITERIA, "grasp", "mest(lambda_=3.0)")))
    findings = Findings(study)
    grown = [cell for cell in study.cells if cell.growth is not None]
    assert criterion_styles(cell.criterion for cell in grown) == findings.styles


def test_the_front_is_what_nothing_cheaper_beats():
    cells = [Cell(name, "random", 0.1) for name in "abcd"]
    points = list(zip(cells, (1.0, 2.0, 2.0, 3.0), (90.0, 91.0, 92.0, 91.5), strict=True))
    assert front(points) == [cells[0], cells[2]]


def test_nothing_is_fetched_and_the_page_fits_small_dark_and_printed_paper(own):
    text = page_of(own.study)
    assert "http" not in re.sub(r"data:[^\"]+", "", text).replace("http-equiv", "")
    assert "<picture" not in text  # of which a dark browser prints the dark drawing
    for rule in ("max-width: 44rem", "prefers-color-scheme: dark", "@media print", "min-width: 80rem"):
        assert rule in text
    assert {section.name for section in SECTIONS} >= {"verdict", "lead", "standing"}
