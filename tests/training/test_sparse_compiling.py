"""Compiled code is kept on disk, and made anew when any of its sources changes."""

import errno
import pkgutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from numba.core.caching import IndexDataCacheFile

from benchmark.training.engines import sparse
from benchmark.training.engines.sparse import compiling
from benchmark.training.engines.sparse.compiling import SOURCES


def test_a_change_of_any_module_of_the_engine_makes_what_is_kept_obsolete():
    modules = [each.name for each in pkgutil.walk_packages(sparse.__path__, f"{sparse.__name__}.")]
    files = {Path(find_spec(name).origin) for name in modules}
    assert {"convolution.py", "plan.py", "retracing.py"} <= {path.name for path in files}
    assert files <= set(SOURCES)


@pytest.fixture(autouse=True)
def nothing_has_failed(monkeypatch):
    monkeypatch.setattr(compiling, "_failures", [])


def twice(number):
    return 2 * number


@pytest.mark.parametrize("writable", [True, False], ids=["the user's folder can be written", "nothing can"])
def test_where_the_package_cannot_be_written_code_is_kept_below_the_users_folder_or_not_at_all(
    monkeypatch, tmp_path, writable
):
    monkeypatch.setattr(compiling.os, "access", lambda path, _mode: writable and Path(path) == tmp_path / "numba")
    monkeypatch.setattr(compiling, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(compiling.config, "CACHE_DIR", "")
    monkeypatch.chdir(tmp_path)
    assert compiling.compiled(twice)(2) == 4
    assert bool(list((tmp_path / "numba").rglob("*.nbi"))) == writable
    assert not Path("~").exists()
    told = compiling.told_while_compiling()
    assert ("is kept for later runs" in told) == writable
    assert (f"cannot be kept for later runs: neither {Path(compiling.__file__).parent} nor " in told) != writable


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """A folder for compiled code."""
    monkeypatch.setattr(compiling.config, "CACHE_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("left", [b"", b"\0" * 100], ids=["nothing", "null bytes"])
def test_compiled_code_that_a_power_cut_damaged_is_made_anew(kept, ending, left):
    assert compiling.compiled(twice)(2) == 4
    (damaged,) = kept.rglob(f"*.{ending}")
    damaged.write_bytes(left)
    assert compiling.compiled(twice)(2) == 4
    assert damaged.read_bytes().strip(b"\0")


def test_compiled_code_for_which_there_is_no_room_is_used_without_being_kept(kept, monkeypatch):
    def refuse(_self, _path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(IndexDataCacheFile, "_open_for_write", refuse)
    assert compiling.compiled(twice)(2) == 4
    assert not list(kept.rglob("*.nb?"))
    assert "cannot be kept for later runs: [Errno 28] No space left on device" in compiling.told_while_compiling()
