"""Tables on a terminal: no number is broken, whatever the width, and nothing is left out."""

import re
import sys

import pytest
from rich.cells import cell_len

from benchmark.commands.table import print_table

HEADERS = ("criterion", "mean", "difference", "95% interval", "rank", "remarks")
REMARK = "some seeds collapse and others do not, so a mean and its interval say little"
ROWS = [
    ("magnitude", "95.07", "", "", "3 (1-5)", ""),
    ("reciprocal_sensitivity", "79.93", "-15.13", "-26.26 to -4.01", "6 (1-6)", REMARK),
]


@pytest.fixture
def shown(monkeypatch, capsys):
    """The lines of a table on a terminal of some width."""

    def lines(width, rows, headers, **given):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        print_table(rows, headers, **given)
        return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()

    return lines


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 200])
def test_numbers_and_names_are_whole_and_every_word_is_there(shown, width):
    lines = shown(width, ROWS, HEADERS, right=range(1, 5))
    for row in ROWS:
        for text in row[:5]:
            assert any(text in line for line in lines), text
    words = " ".join(lines).split()
    for word in (*REMARK.split(), "difference", "remarks"):
        assert word in words


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_line_is_longer_than_the_terminal(shown, width):
    assert max(map(len, shown(width, ROWS, HEADERS, right=range(1, 5)))) <= width


def test_what_has_no_room_beside_the_others_goes_below_them_after_the_names(shown):
    wide, narrow = (shown(width, ROWS, HEADERS, right=range(1, 5)) for width in (200, 60))
    assert sum("reciprocal_sensitivity" in line for line in wide) == 1
    assert sum("reciprocal_sensitivity" in line for line in narrow) == 2


def test_a_name_that_is_wider_than_the_terminal_is_told_to_its_last_letter(shown):
    name = "m" * 70 + "e"
    lines = shown(60, [(name, "1.00")], ("criterion", "mean"), right=(1,))
    assert sum(line.count("m") + line.count("e") for line in lines[3:]) == len(name)


def test_where_there_is_no_terminal_wide_letters_shift_nothing(capsys):
    print_table([("数据集", "1.00"), ("digits", "20.00")], ("data", "mean"), right={1})
    lines = capsys.readouterr().out.splitlines()
    assert len({cell_len(line) for line in lines}) == 1
