"""A plugin is asked in another working directory too, in which each file is that it asks for."""

import os
import sys
import tempfile
from collections.abc import Callable
from os import stat as imported_stat
from pathlib import Path
from typing import Any

import pytest

from criteria.contract.asking import call
from criteria.contract.surroundings import another_folder

HERE = frozenset({__name__})


def asked(function: Callable[[], Any]) -> Any:
    """The answer of a function of this module, asked as a plugin's is."""
    return call(lambda: function())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a file of options."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "options.json").write_text("1")
    return tmp_path


def test_a_file_of_the_working_directory_is_another(folder: Path) -> None:
    def opened() -> bytes:
        with open(file="options.json", mode="rb") as file:
            return file.read()

    with another_folder(HERE, 0):
        assert asked(lambda: Path("options.json").read_text()) == "2\n"
        assert asked(opened) == b"2\n"
        assert asked(lambda: os.listdir(".")) == []
    assert Path.cwd() == folder
    assert Path("options.json").read_text() == "1"


@pytest.mark.skipif(os.name == "nt", reason="Windows asks whether a file exists in another way")
def test_a_file_that_is_not_there_is_found(folder: Path) -> None:
    with another_folder(HERE, 0):
        assert asked(lambda: Path("missing.json").exists() and os.path.isfile("missing.json"))
        assert asked(lambda: imported_stat("missing.json")).st_size > 0
    assert not Path("missing.json").exists()


def test_what_has_a_full_path_stays(tmp_path: Path) -> None:
    """A plugin may come with a table, look at what stands beside it, and keep what it needs for a while."""
    (tmp_path / "there.txt").write_text("1")

    def kept_for_a_while() -> str:
        with tempfile.TemporaryDirectory() as kept:
            Path(kept, "numbers").write_text("3")
            return Path(kept, "numbers").read_text()

    with another_folder(HERE, 0):
        assert asked(lambda: [file.read_text() for file in tmp_path.glob("*.txt")]) == ["1"]
        assert asked(lambda: not (tmp_path / "missing.txt").exists() and Path(sys.executable).exists())
        assert asked(kept_for_a_while) == "3"
        assert asked(lambda: Path(os.devnull).read_text()) == ""


def test_what_a_plugin_writes_is_what_it_reads(folder: Path) -> None:
    def written() -> str:
        os.makedirs("logs", exist_ok=True)
        os.makedirs("logs", exist_ok=True)
        Path("log.txt").write_text("written")
        return Path("log.txt").read_text()

    with another_folder(HERE, 0):
        assert asked(written) == "written"
    assert sorted(os.listdir()) == ["options.json"]


def test_others_see_what_there_is(folder: Path) -> None:
    """Only a plugin's code is deceived, and what it calls."""
    with another_folder(frozenset({"somebody.elses"}), 0):
        assert not asked(lambda: Path("options.json").exists())
