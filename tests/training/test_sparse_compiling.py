"""Compiled code is kept on disk, and made anew when any of its sources changes."""

import pkgutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmark.training.engines import sparse
from benchmark.training.engines.sparse import compiling
from benchmark.training.engines.sparse.compiling import SOURCES


def test_a_change_of_any_module_of_the_engine_makes_what_is_kept_obsolete():
    modules = [each.name for each in pkgutil.walk_packages(sparse.__path__, f"{sparse.__name__}.")]
    files = {Path(find_spec(name).origin) for name in modules}
    assert {"convolution.py", "plan.py", "retracing.py"} <= {path.name for path in files}
    assert files <= set(SOURCES)


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
