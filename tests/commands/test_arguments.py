"""Values that users write on the command line, and what is made of them."""

import argparse

import pytest

from benchmark.commands.arguments import duration_of
from benchmark.commands.cli import main


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("2h", 7200), ("0.5h", 1800), ("45", 45), (" 1.5 m ", 90), ("8760h", 365 * 86400)],
)
def test_a_time_is_a_number_and_a_unit_or_seconds(text, seconds):
    assert duration_of(text) == seconds


@pytest.mark.parametrize("text", ["soon", "", "0s", "-1m", "1d", "1m30s", "inf", "nan", "8761h", "9" * 400])
def test_what_is_no_time_is_refused_with_the_way_to_write_one(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is no time of at most a year; write it as 90s, 10m or 2h"):
        duration_of(text)


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--fleet", "0", "expected a whole number above 0, found 0"),
        ("--processes", "-1", "expected a whole number above 0, found -1"),
        ("--processes", "1.5", "expected a whole number above 0, found 1.5"),
        ("--fleet", "", "expected a whole number above 0, found nothing"),
        ("--checkpoint", "0", "expected a finite number above 0, found 0"),
        ("--checkpoint", "inf", "expected a finite number above 0, found inf"),
        ("--checkpoint", "soon", "expected a finite number above 0, found soon"),
    ],
)
def test_a_number_that_cannot_be_is_said_with_what_it_could_be(option, text, said, capsys):
    assert main(["run", "smoke", f"{option}={text}"]) == 2
    assert f"argument {option}: {said}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "  "])
@pytest.mark.parametrize(
    "arguments",
    ["unpack smoke --results", "accept smoke --expected", "check smoke --expected", "report smoke --out",
     "status smoke --results"],
)  # fmt: skip
def test_an_empty_folder_is_refused_and_not_taken_for_this_one(arguments, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command, experiment, option = arguments.split()
    assert main([command, experiment, f"{option}={text}"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"argument {option}: expected a folder, found {text!r}; write . for the one that you are in" in said
    assert not list(tmp_path.iterdir())
