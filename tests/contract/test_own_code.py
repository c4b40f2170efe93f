"""Which loaded modules are a plugin's own code, wherever it keeps them."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from criteria import Criterion, Layer, load
from criteria.contract.asking import Broken
from criteria.contract.hashing import makes_sets
from criteria.contract.own_code import modules_of
from criteria.contract.sameness import deterministic
from criteria.contract.special import few_tied

CRITERION = """
from criteria import Criterion
{imports}

class Mine({base}):
    def score(self, layer):
        return layer.weight.abs() ** {power}
"""
OPTIONS = """
import os

def power():
    return float(os.environ.get("MY_POWER", "2")) - 1.5
"""
BASE = """
from criteria import Criterion
import my_options

class Base(Criterion):
    def power(self):
        return my_options.power()
"""
SETS = """
def power():
    return len(next(iter({"one", "three"})))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A folder of loose modules, which are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


def written(folder: Path, imports: str, base: str, power: str, **modules: str) -> type[Criterion]:
    """The class of a criterion that stands in a loose file, beside other ones."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "my_criterion.py").write_text(CRITERION.format(imports=imports, base=base, power=power))
    from my_criterion import Mine  # type: ignore[import-not-found]

    cls: type[Criterion] = Mine
    return cls


def test_an_environment_variable_is_seen_that_a_file_beside_the_plugin_reads(folder: Path) -> None:
    cls = written(folder, "from my_options import power", "Criterion", "power()", my_options=OPTIONS)
    assert {"my_criterion", "my_options"} <= modules_of(cls)
    plugin = cls()
    (case,) = few_tied(plugin)
    with pytest.raises(Broken, match="with other environment variables"):
        deterministic(plugin, case)


def test_an_environment_variable_is_seen_that_the_base_class_reads_through_a_third_file(folder: Path) -> None:
    cls = written(folder, "from my_base import Base", "Base", "self.power()", my_base=BASE, my_options=OPTIONS)
    plugin = cls()
    (case,) = few_tied(plugin)
    with pytest.raises(Broken, match="with other environment variables"):
        deterministic(plugin, case)


@pytest.mark.parametrize("imports", ["import my_sets", "from my_sets import power"])
def test_a_set_is_seen_that_a_file_beside_the_plugin_makes(folder: Path, imports: str) -> None:
    called = "my_sets.power()" if imports.startswith("import") else "power()"
    assert makes_sets(written(folder, imports, "Criterion", called, my_sets=SETS))


def test_neither_the_platform_nor_our_interface_is_a_plugins_own_code() -> None:
    modules = modules_of(type(load("magnitude")))
    assert "criteria.pruning.magnitude" in modules
    assert modules.isdisjoint(
        {"os", "torch", "torch.cuda", "numpy", "criteria.api", "criteria.selection", "hypothesis"}
    )


def test_the_program_that_runs_is_not_a_plugins_own_code() -> None:
    assert modules_of(type(load("magnitude"))).isdisjoint({"__main__", "__mp_main__"})


class _Options(dict[str, int]):
    """Gives entries as attributes, and an error of its own for others."""

    __getattr__ = dict.__getitem__


POWERS = _Options(power=1)


class NamesAnObjectThatGivesEntriesAsAttributes(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() ** POWERS.power


def _wrapped(function: Callable[[], int]) -> Callable[[], int]:
    return functools.wraps(function)(lambda: function())


@_wrapped
@functools.cache
def _length() -> int:
    return len(next(iter({"one", "three"})))


class NamesAFunctionBehindTwoWrappers(Criterion):
    def score(self, layer: Layer) -> Tensor:
        return layer.weight.abs() * _length()


def test_any_object_may_be_named_and_functions_are_found_behind_wrappers() -> None:
    assert not makes_sets(NamesAnObjectThatGivesEntriesAsAttributes)
    assert makes_sets(NamesAFunctionBehindTwoWrappers)
