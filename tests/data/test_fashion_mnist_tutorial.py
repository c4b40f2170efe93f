"""The images of the SET group's tutorial are those that numpy's legacy generator chooses."""

import numpy as np
import pytest
import torch

from benchmark.data import load_dataset, source_of
from criteria import InputError
from tests.data.test_fashion_mnist import files, no_debian_package, write  # noqa: F401  (fixtures)


def test_images_are_the_first_after_seed_0_shuffles_the_training_and_then_the_test_images(tmp_path, files):  # noqa: F811
    write(tmp_path / "fashion-mnist", files, packed=True)
    dataset = load_dataset("fashion_mnist_tutorial(training=8, test=3)", tmp_path)
    np.random.seed(0)  # as the tutorial's own code does it
    train, test = np.arange(20), np.arange(5)
    np.random.shuffle(train)
    np.random.shuffle(test)
    for part, name, chosen in (
        (dataset.train, "train", train[:8]),
        (dataset.validation, "train", train[8:11]),
        (dataset.test, "t10k", test[:3]),
    ):
        pixels = np.frombuffer(files[f"{name}-images-idx3-ubyte"][16:], np.uint8).reshape(-1, 1, 28, 28)[chosen]
        assert torch.equal(part.inputs, torch.from_numpy(pixels.copy()) / 255)
        assert part.targets.tolist() == [n % 10 for n in chosen]


def test_too_many_images_are_refused_in_a_sentence(tmp_path, files):  # noqa: F811
    write(tmp_path / "fashion-mnist", files, packed=True)
    with pytest.raises(InputError, match=r"training=5000 and test=1000 are too many: there are 20 images"):
        load_dataset("fashion_mnist_tutorial", tmp_path)
    with pytest.raises(InputError, match="must be numbers of images"):
        source_of("fashion_mnist_tutorial(training=0)")


def test_the_look_says_how_many_images_are_trained_and_tested_on():
    look = source_of("fashion_mnist_tutorial").look
    assert (look.shape, look.examples, look.tested) == ((1, 28, 28), 5_000, 1_000)
    assert source_of("fashion_mnist_tutorial(training=2000)").look.examples == 2_000
