"""Markdown of reports and of CI: whatever a name has in it, a reader of GitHub's page sees that name, in its place."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from benchmark.report.contrast import contrast_table
from benchmark.report.leaderboard import boards, markdown
from benchmark.report.tables import results_table
from benchmark.system.markdown import escaped, table
from benchmark.verdicts.check import check
from benchmark.verdicts.ci import github_summary
from benchmark.verdicts.claims import ClaimOutcome
from benchmark.verdicts.contrasts import along_axes
from benchmark.verdicts.rendering import deviations
from benchmark.verdicts.study import Study
from tests.report.made_up import changed, experiment, results_of
from tests.verdicts.test_check import expecting, grid

PICKY = "picky(mode='<b>|$x$&amp;*_*`~~\\[a](b)')"
SIGNS = r"\|<>&*_~`$[]()!#ab .;'"
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
"""What reads Markdown nearly as GitHub does; formulas, which it does not know, are looked for by their dollars."""


class Shown(HTMLParser):
    """The rows of tables, all words, and the tags of a text as it is shown."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.words, self.tags, self.cell = [], "", set(), False
        self.feed(READER.render(text))
        self.rows = [[plain(cell) for cell in row] for row in self.rows]

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.cell = True

    def handle_endtag(self, tag):
        self.cell = self.cell and tag not in ("td", "th")

    def handle_data(self, data):
        self.words += data
        if self.cell:
            self.rows[-1][-1] += data


def plain(text):
    return " ".join(text.split())


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text(SIGNS, min_size=1, max_size=12), min_size=2, max_size=2))
def test_a_cell_shows_its_text_and_nothing_else(texts):
    shown = Shown(table(["one", "other"], [texts, ["last", "row"]]))
    wanted = [plain(text) for text in texts]
    assert shown.rows == [["one", "other"], wanted, ["last", "row"]]
    assert shown.tags <= {"table", "thead", "tbody", "tr", "th", "td", "span"}


@settings(deadline=None, max_examples=300)
@given(st.text(SIGNS, max_size=12))
def test_a_title_in_bold_shows_its_text_and_no_dollar_that_begins_a_formula(text):
    written = f"**a{escaped(text)}b** (`name`)"
    shown = Shown(written)
    assert plain(shown.words) == plain(f"a{text}b (name)")
    assert shown.tags <= {"p", "strong", "code", "span"}
    assert "$" not in written.replace("<span>$</span>", "")


@pytest.mark.parametrize(
    "name", ["reciprocal_sensitivity", "mest(lambda_=0.1)", "small_dense", "fc1.weight", "a · b=25"]
)
def test_an_ordinary_name_is_written_as_it_is(name):
    assert escaped(name) == name


def test_a_line_break_in_a_name_ends_no_row():
    assert escaped("a\r\n b\n") == "a b "


def renamed(study):
    """The study with magnitude under a name that has every sign."""
    pairs = [
        (replace(run, cell=replace(run.cell, criterion=PICKY)) if run.cell.criterion == "magnitude" else run, result)
        for run, result in study.results
    ]
    found = Study(study.experiment, tuple(pairs))
    found.__dict__["cells"] = list(dict.fromkeys(run.cell for run, _ in pairs))
    return found


def test_every_table_shows_a_name_with_signs_in_its_place():
    made = experiment(criteria=("magnitude", "set"), densities=(0.1, 0.2), seeds=(1, 2, 3))
    axes = made.axes.model_dump() | {"settings": {"topology.grown_momentum": ["keep", "reset"]}}
    study = renamed(Study(made, tuple(results_of(made))))
    varied = changed(made, axes=axes)
    (contrast,) = along_axes(renamed(Study(varied, tuple(results_of(varied)))).samples)
    for text in (results_table(study, "github"), markdown(study, boards(study)), contrast_table(contrast, "github")):
        shown = Shown(text)
        assert len({len(row) for row in shown.rows}) == 1
        assert any(cell in (PICKY, f"{PICKY} · random") for row in shown.rows for cell in row)
        assert "$" not in text.replace("<span>$</span>", "")


def test_the_title_of_a_leaderboard_is_shown_as_it_is():
    made = changed(experiment(criteria=("magnitude", "set"), seeds=(1, 2)), title="a*b* <i>c</i> $d$")
    study = Study(made, tuple(results_of(made)))
    assert "a*b* <i>c</i> $d$ (made-up)" in Shown(markdown(study, boards(study))).words


def test_the_summary_of_a_job_shows_names_with_signs_as_they_are():
    measured = {replace(c, criterion=PICKY) if c.criterion == "snip" else c: v for c, v in grid().items()}
    moved = {c: {seed: v - 3 * (c.criterion == PICKY) for seed, v in values.items()} for c, values in measured.items()}
    claim = ClaimOutcome("one", "Is it |so|?", "a talk", "undecided", None, f"First is {PICKY}")
    outcome = replace(check(moved, expecting(measured)), claims=(claim,))
    shown = Shown(github_summary(outcome))
    assert any(PICKY in line for line in deviations(outcome))
    assert all(line in shown.words for line in deviations(outcome))
    (row,) = (row for row in shown.rows if row[0] == claim.claim)
    assert row[2].startswith(f"First is {PICKY}.")
