"""A digest tells two data sets apart, whatever differs."""

from dataclasses import replace

import pytest
import torch

from benchmark.data.dataset import Dataset, Split
from benchmark.data.digest import data_digest


def made(inputs=None, targets=None):
    return Split(
        torch.arange(6.0).reshape(3, 2) if inputs is None else inputs,
        torch.tensor([0, 1, 0]) if targets is None else targets,
    )


PLAIN = Dataset("plain", made(), made(), made(), 2)


def test_the_same_examples_have_the_same_digest_however_they_lie_in_memory():
    lying = made(torch.arange(6.0).reshape(3, 2).T.contiguous().T)
    assert data_digest(PLAIN) == data_digest(replace(PLAIN, name="another", test=lying))


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize(
    "changed",
    [
        made(inputs=torch.arange(6.0).reshape(3, 2) + 1e-6),
        made(targets=torch.tensor([0, 0, 1])),
        made(inputs=torch.arange(6.0).reshape(2, 3)),
        made(inputs=torch.arange(6).reshape(3, 2)),
    ],
    ids=["an input", "the order", "the shape", "the type"],
)
def test_any_change_of_any_split_changes_it(split, changed):
    assert data_digest(replace(PLAIN, **{split: changed})) != data_digest(PLAIN)
