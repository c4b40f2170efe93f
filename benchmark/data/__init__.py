"""Data sets by name: one module each, imported when it is asked for."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from criteria.errors import InputError
from criteria.plugins import parse, unknown

if TYPE_CHECKING:
    from benchmark.data.dataset import Dataset

_NAMES = ("cifar10", "cifar100", "digits", "fashion_mnist", "higgs", "imagenet", "synthetic", "tinyimagenet")


def available() -> list[str]:
    """Names of the data sets, sorted."""
    return list(_NAMES)


def load_dataset(name: str, data_dir: Path | None = None) -> "Dataset":
    """The data set ``name``, on the CPU, from files below ``data_dir`` or wherever else they are looked for.

    A data set may take parameters, as in ``synthetic(like='cifar10', examples=100)``. Raises :class:`InputError` for an
    unknown name or parameter, and for missing or broken files.
    """
    spec = parse(name)
    if spec.name not in _NAMES:
        raise unknown("data set", spec.name, _NAMES)
    from benchmark.data.published import data_root

    load = import_module(f"benchmark.data.{spec.name}").load
    try:
        arguments = inspect.signature(load).bind(data_root(data_dir), **dict(spec.parameters))
    except TypeError as error:
        raise InputError(f"data set {name!r}: {error}") from error
    dataset: Dataset = load(*arguments.args, **arguments.kwargs)
    return dataset
