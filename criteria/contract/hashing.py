"""Whether a plugin's code depends on hashes, as the order of a set of texts does: it is another in each process."""

import dis
import itertools
import types

from criteria.contract.own_code import codes_of, functions_of

_MAKERS = {"set", "frozenset", "hash"}
_MADE_BY = {"BUILD_SET", "SET_ADD", "SET_UPDATE"}


def makes_sets(kind: type) -> bool:
    """Whether the methods of a class, or what they name in the plugin's code, make sets or hashes, or read sets.

    A set that is only asked whether something is in it counts where it is no constant.
    """
    return any(_makes_set(function) for function in functions_of(kind))


def _makes_set(function: types.FunctionType) -> bool:
    for code in codes_of(function.__code__):
        if any(
            name in _MAKERS or isinstance(function.__globals__.get(name), set | frozenset) for name in code.co_names
        ):
            return True
        instructions = list(dis.get_instructions(code))
        for now, after in itertools.pairwise(instructions):
            if now.opname in _MADE_BY or (isinstance(now.argval, frozenset) and after.opname != "CONTAINS_OP"):
                return True
    return False
