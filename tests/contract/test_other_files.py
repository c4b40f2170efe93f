"""To a plugin there are other files than those of the machine, but for its own and Python's."""

import os
import sys
from pathlib import Path

import pytest

from criteria.contract.asking import NoAnswer, call
from criteria.contract.other_files import other_files

HERE = frozenset({__name__})


def asked(function: object) -> object:
    """The answer of a function, asked as a plugin's is."""
    return call(lambda: function())  # type: ignore[operator]


def test_a_file_that_is_there_is_not_and_another_one_is(tmp_path: Path) -> None:
    there, missing = tmp_path / "there.json", tmp_path / "missing.json"
    there.write_text("1")
    with other_files(HERE):
        assert asked(lambda: (there.exists(), os.path.exists(there), missing.is_file())) == (False, False, True)
        assert asked(lambda: missing.read_text()) == "2\n"
        assert asked(lambda: list(tmp_path.iterdir())) == []
        with pytest.raises(NoAnswer, match="FileNotFoundError"):
            asked(lambda: there.read_text())
    assert there.read_text() == "1"
    assert not missing.exists()


def test_a_relative_path_is_one_of_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "options.json").write_text("1")
    with other_files(HERE):
        assert asked(lambda: Path("options.json").read_text()) == "2\n"
    assert Path.cwd() == tmp_path


def test_what_stands_beside_the_plugin_and_what_is_installed_stays() -> None:
    with other_files(HERE):
        assert asked(lambda: "test_other_files" in Path(__file__).read_text())
        assert asked(lambda: Path(pytest.__file__).exists() and Path(sys.executable).exists())


def test_others_see_what_there_is(tmp_path: Path) -> None:
    """Only a plugin's code is deceived, and what it calls."""
    (tmp_path / "there.json").write_text("1")
    with other_files(frozenset({"somebody.elses"})):
        assert asked(lambda: (tmp_path / "there.json").read_text()) == "1"


def test_what_a_plugin_writes_is_written(tmp_path: Path) -> None:
    with other_files(HERE):
        asked(lambda: (tmp_path / "log.txt").write_text("written"))
    assert (tmp_path / "log.txt").read_text() == "written"
