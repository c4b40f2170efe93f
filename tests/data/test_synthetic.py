"""Synthetic data look like the real ones, as far as a network can tell."""

import pytest
import torch

from benchmark.data import available, load_dataset
from benchmark.data.fashion_mnist import DEBIAN_FOLDER
from benchmark.data.synthetic import LOOKS
from criteria import InputError

HERE = ["digits", pytest.param("fashion_mnist", marks=pytest.mark.skipif(not DEBIAN_FOLDER.exists(), reason="no data"))]


def test_every_data_set_has_a_look():
    assert {name for name in available() if name != "synthetic"} <= LOOKS.keys()


@pytest.mark.parametrize("name", LOOKS)
def test_synthetic_data_are_of_the_shape_number_and_range_asked_for(name):
    look = LOOKS[name]
    dataset = load_dataset(f"synthetic(like={name!r}, examples=9)")
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
    dataset, look = load_dataset(name), LOOKS[name]
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
        ("synthetic", "missing a required argument: 'like'"),
        ("digits(examples=3)", "unexpected keyword argument 'examples'"),
        ("synthetic(", "not of the form"),
    ],
)
def test_data_that_cannot_be_made_are_one_line(name, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(")) as error:
        load_dataset(name)
    assert "\n" not in str(error.value)
