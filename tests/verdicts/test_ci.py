"""What continuous integration reads of a check."""

from xml.etree import ElementTree

from benchmark.verdicts.check import check
from benchmark.verdicts.ci import github_annotations, github_summary, junit
from benchmark.verdicts.rendering import deviations
from tests.verdicts.test_check import elsewhere, expecting, grid


def test_junit_has_a_test_for_each_cell_and_fails_what_deviates():
    outcome = check(elsewhere(snip=-3.0), expecting(grid()))
    suite = ElementTree.fromstring(junit(outcome))
    cases = {case.get("name"): case for case in suite}
    assert len(cases) == int(suite.get("tests")) == len(outcome.rows) + len(outcome.shifts)
    failed = {name for name, case in cases.items() if case.find("failure") is not None}
    assert {f"snip · random · {density} against measured" for density in (0.02, 0.05, 0.1, 0.2)} <= failed
    assert int(suite.get("failures")) == len(failed)
    assert not any("set ·" in name for name in failed)


def test_a_cell_that_was_not_run_is_skipped_in_junit():
    measured = dict(list(elsewhere().items())[1:])
    suite = ElementTree.fromstring(junit(check(measured, expecting(grid()))))
    assert [case.find("skipped").get("message")[:7] for case in suite if case.find("skipped") is not None] == [
        "missing"
    ]


def test_the_summary_names_the_verdict_and_everything_that_deviates():
    outcome = check(elsewhere(snip=-3.0), expecting(grid()))
    text = github_summary(outcome)
    assert text.startswith("### example: deviates")
    assert all(f"- {line}" in text for line in deviations(outcome))


def test_annotations_are_single_lines_that_github_takes_for_errors():
    found = github_annotations(check(elsewhere(snip=-3.0), expecting(grid())))
    assert found
    assert all(line.startswith("::error title=example::deviates: ") and "\n" not in line for line in found)
    assert not github_annotations(check(elsewhere(), expecting(grid())))
