"""Synthetic data look like the real ones, as far as a network can tell."""

import re
from dataclasses import replace

import pytest
import torch

from benchmark.data import available, load_dataset, source_of
from benchmark.data.fashion_mnist import DEBIAN_FOLDER
from criteria import InputError

HERE = ["digits", pytest.param("fashion_mnist", marks=pytest.mark.skipif(not DEBIAN_FOLDER.exists(), reason="no data"))]


REAL = [name for name in available() if name != "synthetic"]


@pytest.mark.parametrize("name", REAL)
def test_synthetic_data_are_of_the_shape_number_and_range_asked_for(name):
    look = source_of(name).look
    made = source_of(f"synthetic(like={name!r}, examples=9)").look
    dataset = load_dataset(f"synthetic(like={name!r}, examples=9)")
    assert made == replace(look, examples=9, tested=4)
    assert dataset.classes == look.classes
    for split, count in ((dataset.train, 9), (dataset.validation, 4), (dataset.test, 4)):
        assert split.inputs.shape == (count, *look.shape)
        assert split.inputs.dtype == torch.float32
        assert look.low <= split.inputs.min() < split.inputs.max() <= look.high
        assert split.targets.dtype == torch.int64
        assert 0 <= split.targets.min() <= split.targets.max() < look.classes
    assert not torch.equal(dataset.validation.inputs, dataset.test.inputs)


@pytest.mark.parametrize("name", HERE)
def test_a_real_data_set_looks_as_it_is_said_to(name):
    dataset, look = load_dataset(name), source_of(name).look
    assert dataset.train.inputs.shape == (look.examples, *look.shape)
    assert dataset.classes == look.classes
    low, high = dataset.train.inputs.aminmax()
    assert look.low <= low < high <= look.high
    assert high - low > 0.95 * (look.high - look.low)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("synthetic(like='cifar11')", "did you mean 'cifar10'?"),
        ("synthetic(like='cifar10', examples=0)", "examples must be a positive whole number"),
        ("synthetic", "data set 'synthetic' needs a value for its parameter 'like'; it has: like, examples"),
        ("synthetic(like='synthetic')", "unknown data set to look like 'synthetic'"),
        ("synthetic(like=3)", "parameter like takes a str, not 3"),
        ("synthetic(like='digits(a=1)')", "data set 'digits' has no parameter 'a'"),
        ("synthetic(like='cifar10', examples=1.5)", "parameter examples takes an int, not 1.5"),
        ("digits(examples=3)", "data set 'digits' has no parameter 'examples'; it has: none"),
        ("synthetic(", "not of the form"),
    ],
)
def test_data_that_cannot_be_made_are_one_line(name, said):
    with pytest.raises(InputError, match=re.escape(said)) as error:
        load_dataset(name)
    assert "\n" not in str(error.value)


def test_more_examples_than_memory_has_room_for_is_bad_input_and_no_failure_of_a_plugin():
    with pytest.raises(InputError, match="not enough memory"):
        load_dataset("synthetic(like='cifar10', examples=10000000000)")
