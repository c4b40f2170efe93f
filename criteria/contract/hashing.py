"""Whether a plugin's code depends on hashes, as the order of a set of texts does: it is another in each process."""

import dis
import itertools
import types
from collections.abc import Iterator
from typing import Any

_MAKERS = {"set", "frozenset", "hash"}
_MADE_BY = {"BUILD_SET", "SET_ADD", "SET_UPDATE"}


def makes_sets(kind: type) -> bool:
    """Whether the methods of a class, or functions of their modules that they name, make sets or hashes, or read sets.

    A set that is only asked whether something is in it counts where it is no constant.
    """
    return any(_makes_set(function) for function in _functions(kind))


def _functions(kind: type) -> Iterator[types.FunctionType]:
    """The functions that are a plugin's own: its methods, and what these name in their modules."""
    todo = [each for base in kind.__mro__ if not _is_ours(base) for each in vars(base).values()]
    seen: set[types.FunctionType] = set()
    while todo:
        function = _plain(todo.pop())
        if function is None or function in seen:
            continue
        seen.add(function)
        yield function
        named = (function.__globals__.get(name) for code in _codes(function.__code__) for name in code.co_names)
        todo.extend(each for each in named if getattr(each, "__module__", None) == function.__module__)


def _is_ours(base: type) -> bool:
    return base is object or base.__module__ == "criteria.api"


def _plain(value: Any) -> types.FunctionType | None:
    """The function behind a method, a property or a wrapper, or None."""
    if isinstance(value, property):
        value = value.fget
    value = getattr(value, "__wrapped__", getattr(value, "__func__", value))
    return value if isinstance(value, types.FunctionType) else None


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
