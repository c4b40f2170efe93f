"""Whether a plugin's code depends on hashes, as the order of a set of texts does: it is another in each process."""

import dis
import itertools
import types
from collections.abc import Iterator
from typing import Any

from criteria.contract.own_code import modules_of

_MAKERS = {"set", "frozenset", "hash"}
_MADE_BY = {"BUILD_SET", "SET_ADD", "SET_UPDATE"}


def makes_sets(kind: type) -> bool:
    """Whether the methods of a class, or what they name in the plugin's code, make sets or hashes, or read sets.

    A set that is only asked whether something is in it counts where it is no constant.
    """
    return any(_makes_set(function) for function in _functions(kind))


def _functions(kind: type) -> Iterator[types.FunctionType]:
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
            todo.extend(each for each in _named(value) if getattr(each, "__module__", None) in modules)


def _named(function: types.FunctionType) -> Iterator[Any]:
    """What a function names among the globals of its module, and in modules that are among these."""
    names = {name for code in _codes(function.__code__) for name in code.co_names}
    for value in [function.__globals__[name] for name in names if name in function.__globals__]:
        yield _plain(value)
        if isinstance(value, types.ModuleType):
            yield from (_plain(vars(value)[name]) for name in names if name in vars(value))


def _plain(value: Any) -> Any:
    """The function behind a method, a property or a wrapper; what is neither of them as it is."""
    if isinstance(value, property):
        value = value.fget
    return getattr(value, "__wrapped__", getattr(value, "__func__", value))


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _makes_set(function: types.FunctionType) -> bool:
    for code in _codes(function.__code__):
        if any(
            name in _MAKERS or isinstance(function.__globals__.get(name), set | frozenset) for name in code.co_names
        ):
            return True
        instructions = list(dis.get_instructions(code))
        for now, after in itertools.pairwise(instructions):
            if now.opname in _MADE_BY or (isinstance(now.argval, frozenset) and after.opname != "CONTAINS_OP"):
                return True
    return False
