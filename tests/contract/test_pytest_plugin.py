"""``pytest --pyargs criteria.contract`` in a folder of its own, with a plugin distribution that has bugs."""

import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

import dst_bench_pytest

PLUGINS = """
    import time

    from criteria.pruning.magnitude import Magnitude

    class OneTooMany(Magnitude):
        def select(self, layer, n):
            return super().select(layer, min(n + 1, int(layer.mask.sum())))

    class Rare(Magnitude):
        '''Goes wrong for one size only: about one case in thirty.'''
        def select(self, layer, n):
            return super().select(layer, 0 if layer.mask.numel() == 12 else n)

    class Hangs(Magnitude):
        def score(self, layer):
            while True:
                time.sleep(0.01)
"""
ENTRY_POINTS = """
    [dst_bench.criteria]
    one_too_many = broken_plugins:OneTooMany
    rare = broken_plugins:Rare
    hangs = broken_plugins:Hangs
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to work in, with an installed distribution of broken plugins beside it."""
    return made_in(tmp_path)


def made_in(path: Path) -> Path:
    site = path / "site"
    info = site / "broken_plugins-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "broken_plugins.py").write_text(textwrap.dedent(PLUGINS))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugins\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(textwrap.dedent(ENTRY_POINTS))
    (path / "work").mkdir()
    return path / "work"


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    # without CI, as a contributor runs it: there Hypothesis neither keeps examples nor draws new ones
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_ADDOPTS")}
    environment |= {"PYTHONPATH": str(folder.parent / "site"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def contract(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "-m", "pytest", "--pyargs", "criteria.contract", *arguments)


@dataclass(frozen=True)
class Sessions:
    """Two sessions in one folder, each of several processes that import torch; so several tests read them."""

    folder: Path
    thorough: str
    """What the first prints: it tries ``rare`` on many cases."""
    under_xdist: subprocess.CompletedProcess[str]
    """The second, of one case for each property."""


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Sessions:
    folder = made_in(tmp_path_factory.mktemp("sessions"))
    thorough = contract(folder, "--dst-criterion", "rare", "--dst-examples", "500", "-k", "exact_count")
    plugins = [part for name in ("hangs", "one_too_many", "rare") for part in ("--dst-criterion", name)]
    some = "(exact_count and not hangs) or (hangs and (score_shape or device_stable))"
    quickly = ("--dst-examples", "1", "--dst-time-limit", "1")
    return Sessions(folder, thorough.stdout, contract(folder, *plugins, *quickly, "-n", "1", "-k", some))


def pasted(output: str, broken: str) -> str:
    """The code of the counterexample of what is broken in pytest's output."""
    output = output[output.index(f"{broken}\n") :]
    found = re.search(r"counterexample, to be pasted and run:\nE\s*\n((?:E {5,}.*\n|E\s*\n)+)", output)
    assert found, output
    return textwrap.dedent(re.sub(r"^E {3}", "", found[1], flags=re.MULTILINE))


def test_a_right_criterion_passes_and_each_check_is_a_test(folder: Path) -> None:
    some = "exact_count or updates-gradient-global"
    result = contract(folder, "--dst-criterion", "magnitude", "--dst-examples", "3", "-v", "-k", some)
    assert result.returncode == 0, result.stdout
    assert "test_contract[magnitude-exact_count] PASSED" in result.stdout
    assert "test_contract[magnitude-updates-gradient-global] PASSED" in result.stdout


def test_under_xdist_a_failure_names_the_property_and_its_code_fails_when_pasted(sessions: Sessions) -> None:
    assert sessions.under_xdist.returncode == 1, sessions.under_xdist.stdout
    again = run(sessions.folder, "-c", pasted(sessions.under_xdist.stdout, "one_too_many breaks exact_count"))
    assert again.returncode == 1
    assert "Broken: asked for 0 of 1 positions, select() gave 1" in again.stderr


def test_a_failure_that_was_found_is_found_again_at_once_also_under_xdist(sessions: Sessions) -> None:
    found = pasted(sessions.thorough, "rare breaks exact_count")
    assert pasted(sessions.under_xdist.stdout, "rare breaks exact_count") == found


def test_a_hang_fails_its_test_and_no_other_run(sessions: Sessions) -> None:
    said = sessions.under_xdist.stdout
    assert "FAILED test_contract.py::test_contract[hangs-score_shape]" in said
    assert "did not return within 1 s" in said
    assert "4 failed" in said  # the other three begin after it
    assert "crashed" not in said


def test_a_name_that_is_not_installed_is_one_line(folder: Path) -> None:
    result = contract(folder, "--dst-criterion", "magnitud")
    assert result.returncode == 4
    assert "unknown criterion 'magnitud'; did you mean 'magnitude'?" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("option", "text"),
    [
        *(("--dst-examples", text) for text in ("0", "-3", "1.5", "²", "many")),
        *(("--dst-time-limit", text) for text in ("0", "-1", "nan", "inf", "1e300", "long")),
    ],
)
def test_a_number_of_cases_or_seconds_that_cannot_be_is_refused(option: str, text: str) -> None:
    parser = pytest.Parser(_ispytest=True)
    dst_bench_pytest.pytest_addoption(parser)
    with pytest.raises(pytest.UsageError, match=rf"argument {option}: expected .* above 0.*, found '{text}'"):
        parser.parse([f"{option}={text}"])


OTHER_PROJECT = """
    def pytest_addoption(parser):
        for option in ("--criterion", "--growth", "--seeds", "--density", "--contract-examples", "--examples"):
            parser.addoption(option, default="theirs")

    def pytest_configure(config):
        assert config.getoption("criterion") == config.getoption("growth") == "theirs"
"""


def test_another_projects_options_of_the_same_names_are_its_own(folder: Path) -> None:
    (folder / "conftest.py").write_text(textwrap.dedent(OTHER_PROJECT))
    (folder / "test_theirs.py").write_text("def test_theirs(pytestconfig):\n    assert pytestconfig.option.growth\n")
    result = run(folder, "-m", "pytest", "-q")
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_option_that_all_sessions_of_the_environment_get_has_our_prefix() -> None:
    class Group:
        options: ClassVar[list[str]] = []

        def addoption(self, name: str, **_: object) -> None:
            self.options.append(name)

    class Parser:
        def getgroup(self, *_: str) -> Group:
            return Group()

    dst_bench_pytest.pytest_addoption(Parser())  # type: ignore[arg-type]
    assert Group.options
    assert all(name.startswith("--dst-") for name in Group.options)


def test_a_plugin_that_fails_while_it_is_made_is_one_line(folder: Path) -> None:
    (folder.parent / "site" / "broken_plugins.py").write_text(
        "from criteria import Criterion\nclass Hangs(Criterion):\n    def __init__(self): 1 / 0\n"
    )
    result = contract(folder, "--dst-criterion", "hangs")
    assert result.returncode == 4
    assert "criterion 'hangs' cannot be made" in result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_a_project_with_a_package_of_the_same_name_as_ours_can_run_its_tests(folder: Path) -> None:
    for name in ("criteria", "benchmark", "baselines"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("THEIRS = True\n")
    (folder / "test_theirs.py").write_text("import criteria\n\ndef test_theirs():\n    assert criteria.THEIRS\n")
    result = run(folder, "-m", "pytest", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    asked = contract(folder, "--dst-criterion", "magnitude")
    assert asked.returncode == 4
    said = asked.stdout + asked.stderr
    assert f"the package 'benchmark' of dst-bench is hidden: Python finds it at {folder / 'benchmark'}" in said
    assert "Traceback" not in said
