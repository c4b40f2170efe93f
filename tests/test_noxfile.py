"""The sessions of nox that README and the docs print are there, and start commands that take their arguments."""

import importlib.util
import re
import shlex
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


def test_the_sessions_of_every_day_are_those_that_are_named():
    assert set(noxfile.nox.options.sessions) <= SESSIONS.keys()
