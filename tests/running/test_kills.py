"""Real kills of real processes, few by default and many among the long tests."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.running.tiny import TINY

SCRIPT = Path(__file__).with_name("kills.py")
pytestmark = pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="the script forks")


def killed(folder, *arguments):
    done = subprocess.run(
        [sys.executable, SCRIPT, *arguments, "--folder", folder / "kills"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_workers_that_are_killed_at_random_moments_lose_nothing_and_do_nothing_twice(tmp_path):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    options = ("--kills", "4", "--workers", "2", "--checkpoint", "0.05", "--fleet", "3")
    assert "4 kills, seed 1, 2 workers: 0 wrong" in killed(tmp_path, str(tmp_path / "tiny.yaml"), *options)


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 4])
def test_a_hundred_kills_over_smoke(workers, tmp_path):
    assert "0 wrong" in killed(tmp_path, "smoke", "--kills", "100", "--workers", str(workers))
