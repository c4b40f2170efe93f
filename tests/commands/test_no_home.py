"""Without a home folder nothing is written into a folder named ``~``, and nothing fails for it."""

from pathlib import Path

import pytest

from benchmark.commands.cli import main
from benchmark.data import data_root
from benchmark.system.user import cache_folder, expanded, log_folder
from criteria.errors import InputError


@pytest.fixture
def homeless(monkeypatch, tmp_path):
    """As in a container that runs with the number of a user whom the system does not know."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "DST_BENCH_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda number: (_ for _ in ()).throw(KeyError(number)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_users_folders_are_below_that_for_temporary_files(homeless):
    for folder in (cache_folder(), log_folder(), data_root()):
        assert folder.is_absolute()
        assert "~" not in folder.parts


@pytest.mark.parametrize("text", ["~/x", "~nobody-of-that-name/x", "~"])
def test_a_home_that_is_not_known_is_one_line_and_no_folder(homeless, text, capsys):
    with pytest.raises(InputError, match="the system knows no home folder ~"):
        expanded(text)
    assert main(["info", f"--data-dir={text}"]) == 2
    error = capsys.readouterr().err
    assert "no home folder" in error
    assert error.count("\n") == 1
    assert list(homeless.iterdir()) == []


def test_a_folder_that_really_has_such_a_name_can_be_given(homeless):
    assert expanded("./~/x") == Path("~/x")


def test_an_unexpected_error_is_kept_and_said_in_one_line(homeless, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr("benchmark.commands.info.main", lambda _: 1 / 0)
    assert main(["info"]) == 4
    (kept,) = (tmp_path / "tmp").rglob("dst-bench-*.txt")
    assert str(kept) in capsys.readouterr().err
