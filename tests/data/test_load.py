"""Data sets are found by name, below the folder that the user means."""

import random
from pathlib import Path

import numpy as np
import platformdirs
import pytest
import torch

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
import random
from dataclasses import dataclass
import numpy
import torch
from benchmark.data import Dataset, DataSource, Look, Split

class Counter:
    asked = 0

    def __call__(self, x, generator):
        self.asked += 1
        return x + self.asked

@dataclass(frozen=True)
class Faulty(DataSource):
    fault: str = ""
    augment: str = ""
    decode: str = ""
    parts: str = "train, held_out, held_out"
    examples: int = 20
    tested: int = 10

    @property
    def look(self):
        return None if self.fault == "look" else Look((8,), 3, self.examples, -1.0, 1.0, self.tested)

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
        train, held_out = Split(*split(20)), Split(*split(10))
        known = {
            "train": train,
            "held_out": held_out,
            "narrow": Split(held_out.inputs[:, :4], held_out.targets),
            "torch": torch,
            "random": random,
            "numpy": numpy,
            "Counter": Counter,
        }
        augment, decode = (eval(each or "None", dict(known)) for each in (self.augment, self.decode))
        return Dataset("faulty", *eval(self.parts, known), 3, augment=augment, decode=decode)
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


LATER_FAULTS = {
    "parts='train, narrow, held_out'": "validation: has inputs of shape (4,), and its look says (8,)",
    "parts='train, held_out, narrow'": "test: has inputs of shape (4,), and its look says (8,)",
    "examples=21": "has 20 training examples, and its look says 21",
    "tested=11": "has 10 test examples, and its look says 11",
    "decode='lambda x, device: x[:, 1:]'": "train: has inputs of shape (7,), and its look says (8,)",
    "decode='lambda x, device: x.double()'": "in decode(): it gives float64 [2, 8], and should give float32 [2, …]",
    "decode='lambda x, device: x[:1]'": "in decode(): it gives float32 [1, 8], and should give float32 [2, …]",
    "decode='lambda x, device: x.numpy()'": "in decode(): it gives a ndarray, and should give a tensor",
    "decode='lambda x, device: x / 0'": "train: inputs are not all finite numbers",
    "decode='lambda x, device: [][1]'": "data set 'faulty' failed in decode(): IndexError: list index out of range",
    "decode='lambda x, device: exit(0)'": "data set 'faulty' failed in decode(): it ends the program (SystemExit 0)",
    "augment='lambda x, generator: x[:, 1:]'": "it gives float32 [2, 7] on cpu for float32 [2, 8] on cpu, and should",
    "augment='lambda x, generator: x[:1]'": "it gives float32 [1, 8] on cpu for float32 [2, 8] on cpu, and should",
    "augment='lambda x, generator: x.double()'": "it gives float64 [2, 8] on cpu for float32 [2, 8] on cpu, and should",
    "augment='lambda x, generator: x.to(\"meta\")'": "it gives float32 [2, 8] on meta for float32 [2, 8] on cpu",
    "augment='lambda x, generator: None'": "in augment(): it gives a NoneType, and should give a tensor",
    "augment='lambda x, generator: x / 0'": "train, augmented: inputs are not all finite numbers",
    "augment='lambda x, generator: 1 / 0'": "data set 'faulty' failed in augment(): ZeroDivisionError: division",
}


@pytest.mark.parametrize("fault", LATER_FAULTS)
def test_splits_numbers_decoding_and_augmentation_are_examined_when_a_data_set_is_loaded(faulty, fault):
    with pytest.raises(PluginError) as raised:
        load_dataset(f"faulty({fault})")
    assert LATER_FAULTS[fault] in str(raised.value)
    assert "\n" not in str(raised.value)


DRAWS = {
    "torch": "torch.randn(x.shape)",
    "numpy": "float(numpy.random.rand())",
    "random": "random.random()",
    "the batch as a whole": "int(torch.rand(1) < 0.5)",
}


@pytest.mark.parametrize("draws", DRAWS.values(), ids=DRAWS)
def test_an_augmentation_that_draws_from_anything_but_its_generator_is_refused(faulty, draws):
    with pytest.raises(PluginError, match=r"augment\(\) gives other results for a generator of the same seed"):
        load_dataset(f"faulty(augment='lambda x, generator: x + {draws}')")


def test_an_augmentation_that_counts_its_calls_is_refused(faulty):
    with pytest.raises(PluginError, match=r"augment\(\) gives other results for a generator of the same seed"):
        load_dataset("faulty(augment='Counter()')")


def global_states():
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()


def test_an_examined_data_set_leaves_its_examples_and_all_global_generators_as_they_were(faulty):
    before = global_states()
    expected = load_dataset("faulty").train.inputs
    torch.set_rng_state(torch.tensor(before[0], dtype=torch.uint8))
    draw = "x.add_(torch.randn(x.shape, generator=generator))"
    dataset = load_dataset(f"faulty(augment='lambda x, generator: {draw}')")
    assert global_states() == before
    assert torch.equal(dataset.train.inputs, expected)
