"""Data sets are found by name, below the folder that the user means."""

from pathlib import Path

import platformdirs
import pytest

from benchmark.data import available, load_dataset
from benchmark.data.published import data_root
from criteria import InputError


def test_names_are_sorted_and_have_the_data_set_that_needs_no_download():
    assert available() == sorted(available())
    assert "digits" in available()


def test_an_unknown_name_is_answered_with_the_nearest_one():
    with pytest.raises(InputError, match="unknown data set 'fashionmnist'; did you mean 'fashion_mnist'"):
        load_dataset("fashionmnist")


def test_the_folder_asked_for_comes_before_the_environment_and_that_before_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("DST_BENCH_DATA", str(tmp_path / "environment"))
    assert data_root(tmp_path / "asked for") == tmp_path / "asked for"
    assert data_root() == tmp_path / "environment"
    monkeypatch.setenv("DST_BENCH_DATA", "~/data")
    assert data_root() == Path.home() / "data"
    monkeypatch.delenv("DST_BENCH_DATA")
    assert data_root() == Path(platformdirs.user_cache_dir("dst-bench", appauthor=False))
