"""Data sets by name, found in the entry-point group ``dst_bench.data``: one module each, imported when it is asked for.

What needs torch is imported when it is first used (PEP 562), because how data sets look is asked for without them.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.published import data_root
from benchmark.data.source import DataSource, Look
from benchmark.system.plugin_failures import blaming
from criteria.errors import InputError, PluginError, is_out_of_memory
from criteria.plugins import Spec, load, names

if TYPE_CHECKING:
    from benchmark.data.dataset import Dataset, Split, hold_out_last

__all__ = [
    "DataSource",
    "Dataset",
    "Look",
    "Split",
    "available",
    "data_root",
    "hold_out_last",
    "load_dataset",
    "source_of",
]


def available() -> list[str]:
    """Names of the data sets, sorted."""
    return names("data")


def source_of(spec: str | Spec) -> DataSource:
    """The data set that a spec stands for, not loaded yet: ``source_of("digits").look.classes``.

    Raises :class:`InputError` for an unknown name or parameter, and :class:`PluginError` where it cannot say how it
    looks.
    """
    source: DataSource = load(spec, "data")
    with blaming(f"data set {str(spec)!r} cannot say how it looks"):
        look = source.look
    if not isinstance(look, Look):
        raise PluginError(f"data set {str(spec)!r} has a {type(look).__name__} for its look, and should have a Look")
    return source


def load_dataset(spec: str | Spec, data_dir: Path | None = None) -> "Dataset":
    """The data set of a spec, on the CPU, from files below ``data_dir`` or wherever else they are looked for.

    A data set may take parameters, as in ``synthetic(like='cifar10', examples=100)``. Raises :class:`InputError` for an
    unknown name or parameter, and for missing or broken files; :class:`PluginError` where loading fails in any other
    way, and for what is not a data set as it says of itself.
    """
    source = source_of(spec)
    with blaming(f"data set {str(spec)!r} cannot be loaded", most=500):
        try:
            dataset = source.load(data_root(data_dir))
            problem = import_module("benchmark.data.examination").problem_of(dataset, source.look)
        except PermissionError as error:
            if error.filename is None:
                raise
            raise InputError(f"data set {str(spec)!r}: {error.filename}: {error.strerror}") from error
        except Exception as error:
            if is_out_of_memory(error):
                raise InputError(f"data set {str(spec)!r}: this machine has not enough memory for it") from error
            raise
    if problem is not None:
        raise PluginError(f"data set {str(spec)!r} {problem}")
    return dataset


def __getattr__(name: str) -> object:
    if name in ("Dataset", "Split", "hold_out_last"):
        return getattr(import_module("benchmark.data.dataset"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
