"""The recipe for continuous integration works as it is printed: in a clone of an example as a repository of its own."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml

from benchmark.commands.cli import build_parser
from tests.test_example_plugin import FISHER, ROOT, Environment

WORKFLOW = ".github/workflows/criterion.yml"
PRINTED = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/ci.md").read_text(), re.M | re.S)


def commands(steps):
    return [step["run"] for step in steps if "run" in step]


def test_the_recipe_of_the_docs_is_the_workflow_of_the_example():
    assert (FISHER / WORKFLOW).read_text() == PRINTED[0]


def test_what_the_docs_print_of_this_repository_is_what_it_does():
    (job,) = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"].values()
    printed = yaml.safe_load(PRINTED[1])
    assert commands(printed)
    assert all(step in job["steps"] for step in printed)


def test_every_command_of_the_recipe_has_arguments_that_it_takes():
    (job,) = yaml.safe_load(PRINTED[0])["jobs"].values()
    ours = [shlex.split(command)[1:] for command in commands(job["steps"]) if command.startswith("dst-bench ")]
    assert [arguments[0] for arguments in ours] == ["contract", "reproduce"]
    for arguments in ours:
        build_parser().parse_args(arguments)


@pytest.mark.long
def test_the_recipe_runs_as_printed_in_a_repository_of_its_own_and_trains_once(tmp_path):
    here = Environment(tmp_path / "venv")
    here.create()
    pip = here.home / "bin/pip"
    pip.write_text(f'#!/bin/sh\nexec {sys.executable} -m pip --python {here.python} "$@"\n')
    pip.chmod(0o755)
    repository = tmp_path / "repository"
    shutil.copytree(FISHER, repository, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"],
    ):
        subprocess.run(["git", *arguments], cwd=repository, check=True)
    clone, bench = tmp_path / "clone", tmp_path / "dst-bench"
    for source, copy in ((repository, clone), (ROOT, bench)):
        subprocess.run(["git", "clone", "-q", source, copy], check=True)

    variables = {
        **os.environ,
        "PATH": f"{here.home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "DST_BENCH": bench.as_uri(),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        # nothing is downloaded: the build backend and all that dst-bench depends on are installed
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
    }
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "DST_BENCH_RESULTS", "PYTHONPATH"):
        variables.pop(name, None)
    (job,) = yaml.safe_load((clone / WORKFLOW).read_text())["jobs"].values()
    for said in ("0 runs stored, 5 to train", "5 runs stored, 0 to train"):
        for command in commands(job["steps"]):
            done = subprocess.run(["sh", "-ec", command], cwd=clone, env=variables, capture_output=True, text=True)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert said in done.stdout + done.stderr
    assert re.search(r"fisher at density 0\.05 with gradient growth", (tmp_path / "summary.md").read_text())
    assert (clone / "verdicts.xml").read_text().startswith("<?xml")
    assert (clone / "report/smoke/index.html").exists()
