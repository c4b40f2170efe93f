"""Data sets are found by name, below the folder that the user means."""

from pathlib import Path

import platformdirs
import pytest

from benchmark.data import available, load_dataset
from benchmark.data.published import data_root
from criteria import InputError
from criteria.errors import PluginError
from tests.installed import unique


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


SOURCE = """
from dataclasses import dataclass
import torch
from benchmark.data import Dataset, DataSource, Look, Split

@dataclass(frozen=True)
class Faulty(DataSource):
    fault: str = ""

    @property
    def look(self):
        return None if self.fault == "look" else Look((8,), 3, 20, -1.0, 1.0)

    def load(self, root):
        def split(examples):
            inputs, targets = torch.randn(examples, 8), torch.arange(examples) % 3
            return eval(self.fault or "inputs, targets", {"inputs": inputs, "targets": targets})

        if self.fault in ("dataset", "classes", "exit", "empty"):
            made = Split(torch.randn(20, 8), torch.arange(20) % 3)
            none = Split(torch.randn(0, 8), torch.arange(0))
            if self.fault == "exit":
                raise SystemExit(0)
            parts = (made, none if self.fault == "empty" else made, made)
            return None if self.fault == "dataset" else Dataset("faulty", *parts, 4 if self.fault == "classes" else 3)
        return Dataset("faulty", Split(*split(20)), Split(*split(10)), Split(*split(10)), 3)
"""
FAULTS = {
    "look": "has a NoneType for its look, and should have a Look",
    "dataset": "load() gives a NoneType, and should give a Dataset",
    "exit": "cannot be loaded: it ends the program (SystemExit 0)",
    "classes": "has 4 classes, and its look says 3",
    "empty": "validation: has 0 inputs and 0 targets",
    "inputs, targets + 1": "train: has target 3; of 3 classes the last is 2",
    "inputs, targets - 1": "train: has target -1; of 3 classes the last is 2",
    "inputs, targets.int()": "targets are int32 [20], and should be int64 [examples]",
    "inputs, targets[:-1]": "train: has 20 inputs and 19 targets",
    "inputs[:, :7], targets": "has inputs of shape (7,), and its look says (8,)",
    "inputs.double(), targets": "inputs are float64, and should be float32",
    "inputs.numpy(), targets": "inputs are a ndarray, and should be a tensor",
    "inputs / 0 * 0, targets": "inputs are not all finite numbers",
}


@pytest.fixture
def faulty(site):
    module = unique("faulty_data")
    site.install("faulty-data", {f"{module}.py": SOURCE}, f"[dst_bench.data]\nfaulty = {module}:Faulty\n")


def test_a_data_set_of_another_distribution_is_loaded(faulty):
    assert load_dataset("faulty").shape == (8,)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_data_set_that_is_not_what_it_says_is_named_with_its_fault(faulty, fault):
    with pytest.raises(PluginError, match="data set") as raised:
        load_dataset(f"faulty(fault={fault!r})")
    assert FAULTS[fault] in str(raised.value)
