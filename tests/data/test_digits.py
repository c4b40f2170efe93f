"""The digits are split the same way everywhere, and no example is lost or in two splits."""

import torch
from sklearn.datasets import load_digits

from benchmark.data import load_dataset


def splits():
    dataset = load_dataset("digits")
    return dataset, (dataset.train, dataset.validation, dataset.test)


def test_every_digit_is_in_exactly_one_split():
    _, parts = splits()
    assert [len(part.targets) for part in parts] == [1212, 135, 450]
    pixels = torch.cat([part.inputs for part in parts])
    published = torch.from_numpy(load_digits().data)
    scaled = (pixels - pixels.min()) / (pixels.max() - pixels.min()) * 16
    assert torch.equal(_sorted_rows(scaled.round()), _sorted_rows(published.float()))


def _sorted_rows(rows):
    return torch.tensor(sorted(rows.tolist()))


def test_each_class_has_its_share_of_each_split():
    dataset, parts = splits()
    whole = torch.cat([part.targets for part in parts]).bincount(minlength=dataset.classes)
    for part in parts:
        share = len(part.targets) / whole.sum()
        assert bool(((part.targets.bincount(minlength=10) - share * whole).abs() <= 1).all())


def test_training_pixels_have_mean_0_and_standard_deviation_1():
    _, (train, _, _) = splits()
    assert train.inputs.dtype == torch.float32
    torch.testing.assert_close(train.inputs.mean(), torch.tensor(0.0), atol=1e-6, rtol=0)
    torch.testing.assert_close(train.inputs.std(), torch.tensor(1.0))


def test_the_split_does_not_depend_on_global_generators():
    torch.manual_seed(1)
    _, first = splits()
    torch.manual_seed(2)
    _, second = splits()
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.targets, other.targets)
