"""The sessions of nox that README and the docs print are there, and start commands that take their arguments."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from nox.registry import get

import noxfile
from benchmark.commands.cli import build_parser
from tests.docs_scripts import DOCS

ROOT = DOCS.parent
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), ROOT / ".github/workflows/ci.yml"]
SESSIONS = get()


def printed(page):
    """The sessions that each ``nox -s`` of a page names, and the arguments that it gives them."""
    for found in re.findall(r"nox -s ([^`#\n]+)", page.read_text()):
        names, _, arguments = found.partition(" -- ")
        yield names.split(), shlex.split(arguments)


PRINTED = [
    pytest.param(names, arguments, id=f"{page.name}: {' '.join([*names, *arguments])}")
    for page in PAGES
    for names, arguments in printed(page)
]


class Recorded:
    """A session that starts nothing, and keeps what it would have started."""

    def __init__(self, arguments):
        self.posargs, self.started = arguments, []

    def run(self, program, *arguments, **_):
        self.started.append((Path(program).name, arguments))

    run_install = run

    def log(self, _text):
        pass


@pytest.fixture
def started(monkeypatch):
    """What a session starts with these arguments, apart from installing."""
    monkeypatch.setattr(noxfile, "install", lambda _: None)

    def of(name, arguments):
        session = Recorded(arguments)
        SESSIONS[name](session)
        return session.started

    return of


def require_that_it_can_start(program, arguments):
    """Our command takes its arguments, and what Python runs is there."""
    if program == "dst-bench":
        build_parser().parse_args(arguments)
    elif program == "python" and arguments[0] == "-m":
        assert importlib.util.find_spec(arguments[1]) is not None
    elif program == "python":
        assert (ROOT / arguments[0]).is_file()


def test_pages_print_sessions():
    assert {page.name for page in PAGES if list(printed(page))} >= {"README.md", "ci.md", "contract.md", "ci.yml"}


@pytest.mark.parametrize(("names", "arguments"), PRINTED)
def test_a_session_that_is_printed_is_there_and_takes_its_arguments(started, names, arguments):
    for name in names:
        for each in started(name, arguments):
            require_that_it_can_start(*each)


@pytest.mark.parametrize("name", SESSIONS)
def test_every_session_starts_something_also_without_arguments(started, name):
    found = started(name, [])
    assert found
    for each in found:
        require_that_it_can_start(*each)


class Installing(Recorded):
    """A session that makes environments, and installs nothing into them."""

    def run_install(self, program, *arguments, **_):
        self.run(program, *arguments)
        if "venv" in arguments:
            subprocess.run([program, *arguments], check=True)


@pytest.fixture
def installing(monkeypatch, tmp_path):
    """What bringing an environment in a folder up to date starts."""
    monkeypatch.setattr(noxfile, "ENVIRONMENT", tmp_path / "venv")
    monkeypatch.setattr(noxfile, "PROGRAMS", tmp_path / "venv/bin")
    monkeypatch.chdir(ROOT)

    def started():
        session = Installing([])
        noxfile.install(session)
        return [arguments[1] for _, arguments in session.started]

    return started


def without_pip(folder):
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", folder], check=True)


def test_an_environment_is_made_once_and_made_anew_where_it_has_no_pip(installing, tmp_path):
    without_pip(tmp_path / "venv")
    assert installing() == ["venv", "pip"]
    assert installing() == []
    stamp = tmp_path / "venv/made-from-pyproject.toml"
    stamp.write_bytes(stamp.read_bytes() + b"# changed")
    assert installing() == ["pip"]
    assert installing() == []


def test_an_environment_whose_python_is_gone_is_made_anew_whatever_its_stamp_says(installing, tmp_path):
    assert installing() == ["venv", "pip"]
    for python in (tmp_path / "venv/bin").glob("python*"):
        python.unlink()
        python.symlink_to(tmp_path / "gone")
    assert installing() == ["venv", "pip"]


def test_an_environment_that_was_moved_is_made_anew_and_one_of_another_clone_is_left_whole(
    installing, monkeypatch, tmp_path
):
    assert installing() == ["venv", "pip"]
    for place in ("link", "moved"):
        monkeypatch.setattr(noxfile, "ENVIRONMENT", tmp_path / place)
        monkeypatch.setattr(noxfile, "PROGRAMS", tmp_path / place / "bin")
        if place == "link":
            (tmp_path / "link").symlink_to("venv")
            assert installing() == ["pip"]
        else:
            (tmp_path / "venv").rename(tmp_path / "moved")
            assert installing() == ["venv", "pip"]


def test_packages_are_looked_at_again_with_another_python_and_where_a_stamp_is_of_an_older_kind(
    installing, monkeypatch, tmp_path
):
    assert installing() == ["venv", "pip"]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "version", "another")
        assert installing() == ["pip"]
    (tmp_path / "venv/made-from-pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    assert installing() == ["pip"]


def test_the_sessions_of_every_day_are_those_that_are_named():
    assert set(noxfile.nox.options.sessions) <= SESSIONS.keys()
