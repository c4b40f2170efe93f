"""What continuous integration reads where a check says nothing."""

from xml.etree import ElementTree

from benchmark.verdicts.check import check
from benchmark.verdicts.ci import junit
from benchmark.verdicts.ci_notes import broken, github_line, unchecked
from criteria.errors import PluginError
from tests.verdicts.test_check import expecting, grid

LACKING = unchecked("mine", "no expected values of 'mine' in expected_results")


def test_what_was_not_checked_is_a_test_that_was_skipped_beside_those_of_checks():
    checked = [check(grid(), expecting(grid()))]
    before, after = ElementTree.fromstring(junit(checked)), ElementTree.fromstring(junit(checked, [LACKING]))
    assert [len(suite) for suite in after] == [len(before[0]), 1]
    suite = after[1]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("1", "0", "1")
    said = "nothing was checked: no expected values of 'mine' in expected_results"
    assert suite[0].find("skipped").get("message") == said


def test_a_plugin_that_ends_a_command_is_a_test_that_failed_with_all_that_was_said():
    error = PluginError("greedy breaks exact_count\nfound: \x1b[31m5 < 6 & \x00")
    suite = ElementTree.fromstring(junit([], [broken("reproduce", error)]))[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("1", "1", "0")
    failure = suite[0].find("failure")
    assert failure.get("message") == "greedy breaks exact_count"
    assert failure.text == "greedy breaks exact_count\nfound: \\x1b[31m5 < 6 & \\x00"


def test_github_shows_a_warning_or_an_error_of_one_line():
    assert github_line(LACKING) == f"::warning title=mine::{LACKING.text}"
    assert github_line(unchecked("100%: a,b", "at 5%: none")) == (
        "::warning title=100%25%3A a%2Cb::nothing was checked: at 5%25: none"
    )
    error = PluginError("greedy breaks exact_count\nfound: 5")
    assert github_line(broken("check", error)) == "::error title=dst-bench check::greedy breaks exact_count"
