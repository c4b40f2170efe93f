"""Prints, after the tests, which property named which planted bug."""

import pytest
from tabulate import tabulate


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    caught = {
        tuple(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        for key, value in getattr(report, "user_properties", ())
        if key == "caught"
    }
    if caught:
        terminalreporter.section("planted bugs")
        terminalreporter.write_line(tabulate(sorted(caught), headers=("the property", "names the bug")))
