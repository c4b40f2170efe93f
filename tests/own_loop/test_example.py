"""The example trains both its models, and both gain over a static mask, on five seeds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples/own_loop.py"


def printed(*arguments):
    done = subprocess.run([sys.executable, EXAMPLE, *arguments], capture_output=True, text=True, check=True)
    return re.findall(r"^(\w+) at density 0.1: ([+-][\d.]+) ± ([\d.]+) points over (\d) seeds$", done.stdout, re.M)


def test_the_example_runs():
    assert [
        name for name, *_ in printed("--seeds", "2", "--repeats", "1", "--epochs", "1", "--update-period", "7")
    ] == [
        "convolutional",
        "transformer",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["transformr"], "there is no model transformr; there are: convolutional, transformer"),
        (["--seeds", "1"], "argument --seeds: 1 is no whole number from 2"),
    ],
)
def test_what_the_example_cannot_do_is_refused_before_anything_is_trained(arguments, message):
    done = subprocess.run([sys.executable, EXAMPLE, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.long
def test_magnitude_and_gradient_are_above_static_by_an_interval_over_five_seeds():
    found = printed()
    assert [name for name, *_ in found] == ["convolutional", "transformer"]
    for _, mean, half, seeds in found:
        assert float(mean) > float(half)
        assert seeds == "5"
