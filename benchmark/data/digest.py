"""The digest of a data set: whether two results were trained and tested on the same examples."""

import hashlib

from benchmark.data.dataset import Dataset

LENGTH = 16


def data_digest(dataset: Dataset) -> str:
    """Hexadecimal digits that depend on every stored input and class of all splits, and on their order."""
    found = hashlib.sha256()
    for split in (dataset.train, dataset.validation, dataset.test):
        for tensor in (split.inputs, split.targets):
            found.update(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
            found.update(tensor.detach().cpu().contiguous().numpy().data)
    return found.hexdigest()[:LENGTH]
