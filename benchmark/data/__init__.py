"""Data sets by name: one module each, imported when it is asked for."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from criteria.plugins import unknown

if TYPE_CHECKING:
    from benchmark.data.dataset import Dataset

_NAMES = ("cifar10", "cifar100", "digits", "fashion_mnist", "higgs", "imagenet", "tinyimagenet")


def available() -> list[str]:
    """Names of the data sets, sorted."""
    return list(_NAMES)


def load_dataset(name: str, data_dir: Path | None = None) -> "Dataset":
    """The data set ``name``, on the CPU, from files below ``data_dir`` or wherever else they are looked for.

    Raises :class:`criteria.errors.InputError` for an unknown name and for missing or broken files.
    """
    if name not in _NAMES:
        raise unknown("data set", name, _NAMES)
    from benchmark.data.files import data_root

    dataset: Dataset = import_module(f"benchmark.data.{name}").load(data_root(data_dir))
    return dataset
