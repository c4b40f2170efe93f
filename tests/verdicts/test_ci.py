"""What continuous integration reads of a check."""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmark.commands.ci_output import tell_ci
from benchmark.verdicts.check import check
from benchmark.verdicts.ci import github_annotations, github_summary, junit
from benchmark.verdicts.claims import ClaimOutcome
from benchmark.verdicts.claims.changes import ClaimChange
from benchmark.verdicts.rendering import deviations
from criteria.errors import InputError
from tests.verdicts.test_check import elsewhere, expecting, grid


def test_junit_has_a_test_for_each_cell_and_fails_what_deviates():
    outcome = check(elsewhere(snip=-3.0), expecting(grid()))
    suite = ElementTree.fromstring(junit([outcome]))[0]
    cases = {case.get("name"): case for case in suite}
    assert len(cases) == int(suite.get("tests")) == len(outcome.rows) + len(outcome.shifts)
    failed = {name for name, case in cases.items() if case.find("failure") is not None}
    assert {f"snip · random · {density} against measured" for density in (0.02, 0.05, 0.1, 0.2)} <= failed
    assert int(suite.get("failures")) == len(failed)
    assert not any("set ·" in name for name in failed)


def failure_of(outcome, cell):
    """The message of the failure of a cell against our own values."""
    suite = ElementTree.fromstring(junit([outcome]))[0]
    (case,) = (case for case in suite if case.get("name") == f"{cell} against measured")
    return case.find("failure").get("message")


def test_junit_names_the_run_that_is_not_equal_bit_for_bit_with_both_values():
    measured = grid()
    cell = next(iter(measured))
    stored = measured[cell][2]
    measured[cell] = {**measured[cell], 2: round(stored + 0.01, 2)}
    said = f"deviates: the run with seed 2 is not equal bit for bit: {stored + 0.01:g}, stored is {stored:g}"
    assert failure_of(check(measured, expecting(grid())), cell) == said
    measured[cell] |= {3: round(measured[cell][3] + 0.01, 2)}
    assert failure_of(check(measured, expecting(grid())), cell) == f"{said}; 1 more of this cell too"


def test_junit_says_by_how_much_a_cell_moved_that_need_not_be_equal():
    outcome = check(elsewhere(snip=-3.0), expecting(grid()))
    cell = next(row.cell for row in outcome.rows if row.verdict == "deviates")
    assert failure_of(outcome, cell).startswith("deviates: moved by -")


def test_a_cell_that_was_not_run_is_skipped_in_junit():
    measured = dict(list(elsewhere().items())[1:])
    suite = ElementTree.fromstring(junit([check(measured, expecting(grid()))]))[0]
    assert [case.find("skipped").get("message")[:7] for case in suite if case.find("skipped") is not None] == [
        "missing"
    ]


def test_a_single_run_that_has_no_result_is_skipped_in_junit_by_its_seed():
    outcome = check(grid(), expecting(grid()))
    cell = outcome.rows[0].cell
    suite = ElementTree.fromstring(junit([replace(outcome, missing_runs=((cell, 3),))]))[0]
    skipped = [case for case in suite if case.find("skipped") is not None]
    assert [case.get("name") for case in skipped] == [f"{cell}, seed 3"]
    assert (suite.get("tests"), suite.get("skipped")) == (str(len(suite)), "1")


@pytest.mark.parametrize(("deviates", "kind"), [(False, "skipped"), (True, "failure")])
def test_junit_says_of_a_claim_that_changed_what_it_was_and_is_and_nothing_about_tolerances(deviates, kind):
    change = ClaimChange("magnitude-first", "supported", "undecided", deviates)
    suite = ElementTree.fromstring(junit([replace(check(grid(), expecting(grid())), changes=(change,))]))[0]
    (case,) = (case for case in suite if "magnitude-first" in case.get("name"))
    assert case.find(kind).get("message") == "claim magnitude-first: undecided, stored is supported"
    assert "tolerance" not in ElementTree.tostring(case, encoding="unicode")
    assert suite.get("skipped") == str(int(not deviates))
    assert suite.get("failures") == str(int(deviates))


def test_junit_has_a_suite_for_each_experiment():
    fine, moved = check(elsewhere(), expecting(grid())), check(elsewhere(snip=-3.0), expecting(grid()))
    suites = ElementTree.fromstring(junit([moved, fine]))
    assert [int(suite.get("failures")) > 0 for suite in suites] == [True, False]


def told(**options):
    tell_ci(Namespace(**{"junit": None, "github": False, **options}), [check(elsewhere(), expecting(grid()))])


def test_junit_is_in_utf_8_wherever_it_is_written_and_a_link_stays_one(tmp_path):
    (tmp_path / "link.xml").symlink_to(tmp_path / "real.xml")
    told(junit=tmp_path / "link.xml")
    assert (tmp_path / "link.xml").is_symlink()
    assert "·" in (tmp_path / "real.xml").read_text("utf-8")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["link.xml", "real.xml"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_what_cannot_be_written_is_named(monkeypatch, tmp_path):
    with pytest.raises(InputError, match="/dev/full: cannot be written: it is not a regular file"):
        told(junit=Path("/dev/full"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/dev/full")
    with pytest.raises(InputError, match="/dev/full: cannot be written: No space left on device"):
        told(github=True)


def test_the_summary_names_the_verdict_and_everything_that_deviates():
    outcome = check(elsewhere(snip=-3.0), expecting(grid()))
    text = github_summary(outcome)
    assert text.startswith("### example: deviates")
    assert all(f"- {line}" in text for line in deviations(outcome))


def test_the_summary_counts_the_cells_of_each_source_apart():
    outcome = check(grid(), expecting(grid()))
    twice = replace(outcome, rows=(*outcome.rows, *(replace(row, source="printed|1") for row in outcome.rows)))
    counted = [line for line in github_summary(twice).splitlines() if line.startswith("| reproduced")]
    cells = len({row.cell for row in outcome.rows})
    assert [row.split(" | ")[1:3] for row in counted] == [["measured", f"{cells}"], ["printed\\|1", f"{cells}"]]


def test_the_summary_says_of_a_claim_what_its_verdict_hangs_on_and_what_would_settle_it():
    hanging = ClaimOutcome("one", "It holds", "a talk", "contradicted", None, "It is -3", 1.0, {"snip": "supported"})
    open_ = ClaimOutcome("two", "It may hold", "a talk", "undecided", None, "It is 0", 1.0, seeds_needed=30)
    rows = github_summary(replace(check(grid(), expecting(grid())), claims=(hanging, open_))).splitlines()
    assert "| It holds | contradicted | It is -3. Contradicted by one criterion: supported without snip. |" in rows
    settled = "About 30 seeds would settle it; effects within 1 point do not matter."
    assert f"| It may hold | undecided | It is 0. {settled} |" in rows


def test_annotations_are_single_lines_that_github_takes_for_errors():
    found = github_annotations(check(elsewhere(snip=-3.0), expecting(grid())))
    assert found
    assert all(line.startswith("::error title=example::deviates: ") and "\n" not in line for line in found)
    assert not github_annotations(check(elsewhere(), expecting(grid())))
