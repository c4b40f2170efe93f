"""HIGGS is read from scikit-learn's copy of OpenML's files and split as in the paper's released code."""

import gzip

import numpy as np
import pytest
import torch
from sklearn.model_selection import train_test_split

from benchmark.data import load_dataset
from criteria import InputError
from tests.small_data import HIGGS_FEATURES, HIGGS_URL, higgs_copy

EXAMPLES = 400


@pytest.fixture
def examples():
    generator = np.random.default_rng(0)
    inputs = generator.normal(3, 20, (EXAMPLES, len(HIGGS_FEATURES))).astype(np.float32)
    inputs[:, 0] = np.arange(EXAMPLES)  # tells examples apart
    return inputs, (generator.random(EXAMPLES) < 0.4).astype(int)


@pytest.fixture
def copy(examples, tmp_path):
    """Folder of OpenML's answers as scikit-learn keeps them."""
    higgs_copy(*examples, tmp_path)
    return tmp_path


def test_examples_are_split_unscaled_and_keep_their_targets(copy, examples):
    dataset = load_dataset("higgs", copy)
    parts = (dataset.train, dataset.validation, dataset.test)
    assert [len(part.targets) for part in parts] == [280, 60, 60]
    assert dataset.classes == 2
    inputs, targets = examples
    order = torch.cat([part.inputs[:, 0] for part in parts]).long()
    assert sorted(order.tolist()) == list(range(EXAMPLES))
    assert torch.equal(torch.cat([part.inputs for part in parts]), torch.from_numpy(inputs)[order])
    assert torch.equal(torch.cat([part.targets for part in parts]), torch.from_numpy(targets)[order])


def test_the_splits_are_those_of_the_papers_released_code(copy, examples):
    """There scikit-learn splits with seed 42: first 70%, then the rest in two, the test set before validation."""
    dataset = load_dataset("higgs", copy)
    inputs, targets = examples
    train, rest, _, rest_targets = train_test_split(inputs, targets, test_size=0.3, random_state=42, stratify=targets)
    test, validation = train_test_split(rest, test_size=0.5, random_state=42, stratify=rest_targets)
    for part, expected in ((dataset.train, train), (dataset.validation, validation), (dataset.test, test)):
        assert torch.equal(part.inputs, torch.from_numpy(expected))


def test_each_split_has_the_same_share_of_both_classes(copy, examples):
    dataset = load_dataset("higgs", copy)
    share = examples[1].mean()
    for part in (dataset.train, dataset.validation, dataset.test):
        assert abs(float(part.targets.sum()) - share * len(part.targets)) <= 1


def test_no_files_and_no_network_are_one_line_with_the_place(tmp_path, one_line):
    with pytest.raises(InputError) as raised:
        load_dataset("higgs", tmp_path)
    message = one_line(raised)
    assert message.startswith(f"HIGGS is not in {tmp_path}/openml; downloading it failed (")


def test_a_damaged_copy_is_not_used(copy, one_line):
    path = copy / "openml" / "openml.org" / f"{HIGGS_URL.partition('openml.org/')[2]}.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"1\n", b"0\n", 1)))
    with pytest.raises(InputError) as raised:
        load_dataset("higgs", copy)
    assert "HIGGS is not in" in one_line(raised)
