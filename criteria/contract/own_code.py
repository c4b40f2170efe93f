"""The code that is a plugin's own, among all that is loaded."""

import functools
import sys
import sysconfig
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from criteria.plugins.home import in_site
from criteria.plugins.owners import OURS, PLATFORM, is_made_for_us, top_level

Modules = frozenset[str]
"""Names of modules."""
_STDLIB = Path(sysconfig.get_path("stdlib"))
_CACHED = type(functools.cache(lambda: None))


def modules_of(kind: type) -> Modules:
    """The loaded modules that a plugin's code may be in.

    They are those of its class and the bases of that, all that are in the same packages as these, and those that are in
    no installed distribution or in one that is made for us, but for the program that runs.
    """
    bases = {base.__module__ for base in kind.__mro__} - {"criteria.api"}
    packages = {top_level(name) for name in bases}.difference(OURS)
    loaded = {
        name
        for name, module in list(sys.modules.items())
        if top_level(name) in packages or _is_some_plugins(top_level(name), getattr(module, "__file__", None))
    }
    return frozenset(name for name in bases | loaded if top_level(name) not in PLATFORM)


@functools.cache
def _is_some_plugins(top: str, file: str | None) -> bool:
    """Whether a module of this file is nobody's that is installed, but for distributions that have plugins."""
    if file is None or top in (*OURS, *PLATFORM, "__main__", "__mp_main__") or Path(file).is_relative_to(_STDLIB):
        return False
    return not in_site(Path(file)) or is_made_for_us(top)


def functions_of(kind: type) -> Iterator[types.FunctionType]:
    """The functions that are a plugin's own: its methods, and functions and methods that these name."""
    modules = modules_of(kind)
    todo: list[Any] = [base for base in kind.__mro__ if base.__module__ in modules]
    seen: set[int] = set()
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, type):
            todo.extend(map(_plain, vars(value).values()))
        elif isinstance(value, types.FunctionType):
            yield value
            todo.extend(each for each in _named(value) if each.__module__ in modules)


def _named(function: types.FunctionType) -> Iterator[Any]:
    """The functions and classes that a function names among the globals of its module, and in modules among these."""
    names = {name for code in codes_of(function.__code__) for name in code.co_names}
    for value in [function.__globals__[name] for name in names if name in function.__globals__]:
        inside = (
            [vars(value)[name] for name in names if name in vars(value)] if isinstance(value, types.ModuleType) else []
        )
        yield from (each for each in map(_plain, [value, *inside]) if isinstance(each, type | types.FunctionType))


def _plain(value: Any) -> Any:
    """The function behind a method, a property or wrappers; what is neither of them as it is."""
    while True:
        if isinstance(value, property):
            value = value.fget
        elif isinstance(value, functools.cached_property):
            value = value.func
        elif isinstance(value, staticmethod | classmethod | types.MethodType):
            value = value.__func__
        elif isinstance(value, types.FunctionType | _CACHED) and hasattr(value, "__wrapped__"):
            value = value.__wrapped__
        else:
            return value


def codes_of(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of a function, and of those that are defined in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_of(constant)
