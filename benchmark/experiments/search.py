"""A search: a criterion of which parameters are chosen from declared values, as in ``mest(lambda_=tune(0.1, 1))``."""

import ast
import itertools
import keyword
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import StrictStr, field_validator

from benchmark.data import source_of
from benchmark.experiments.setup import Count, Settings
from criteria.errors import InputError
from criteria.plugins import Spec, resolve

WORD = "tune"
MOST = 100
"""Combinations of values that a search may have."""
FORM = f"write it as in 'mest(lambda_={WORD}(0.1, 1, 10))'"


@dataclass(frozen=True)
class Search:
    """A method that includes choosing its own parameters."""

    name: str
    """As it is shown: the criterion with its grid."""
    candidates: tuple[Spec, ...]
    """The criteria that are tried, in the order of the grid."""

    @classmethod
    def parse(cls, text: str) -> "Search":
        """Read a criterion with at least one parameter ``tune(value, …)`` of two values or more.

        Every candidate is checked as a criterion that is asked for by name. Raises :class:`InputError`.
        """
        try:
            call = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError) as error:
            for word in filter(keyword.iskeyword, re.findall(r"[(,]\s*(\w+)\s*=(?!=)", text)):
                raise InputError(
                    f"{text!r}: {word} is a word of Python, so no parameter can have that name; write {word}_"
                ) from error
            raise InputError(f"{text!r} is no criterion with values to choose from; {FORM}") from error
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
            raise InputError(f"{text!r} is no criterion with values to choose from; {FORM}")
        grids = {each.arg: _values(each.value, text) for each in call.keywords if each.arg is not None}
        if not any(len(values) > 1 for values in grids.values()):
            raise InputError(f"{text!r} has nothing to choose from; {FORM}")
        combinations = list(itertools.product(*grids.values()))
        if len(combinations) > MOST:
            raise InputError(f"{text!r} has {len(combinations)} combinations of values; at most {MOST} are tried")
        found = [
            resolve(Spec(call.func.id, tuple(zip(grids, values, strict=True))), "criterion") for values in combinations
        ]
        if len(set(found)) < 2:
            raise InputError(f"{text!r} has one value to choose from, several times; {FORM}")
        shown = ", ".join(f"{name}={_shown(values)}" for name, values in sorted(grids.items()))
        return cls(f"{call.func.id}({shown})", tuple(dict.fromkeys(found)))


class Tuning(Settings):
    """A search that is part of an experiment, whose candidates are then among its criteria."""

    method: StrictStr
    """As in ``mest(lambda_=tune(0.1, 1, 10))``."""
    budget: Count
    """The most trainings that it may take, over all growths, densities, further settings and seeds."""

    @cached_property
    def search(self) -> Search:
        """The method as a search."""
        return Search.parse(self.method)

    @field_validator("method")
    @classmethod
    def _is_a_search(cls, text: str) -> str:
        return Search.parse(text).name

    def require_affordable(self, settings: int) -> None:
        """Raise :class:`InputError` for a search that takes more trainings than it may, one in each of ``settings``."""
        if (needed := len(self.search.candidates) * settings) > self.budget:
            raise InputError(
                f"tuning: {self.search.name} takes {needed} trainings, {settings} of each of its "
                f"{len(self.search.candidates)} candidates, and its budget is {self.budget}"
            )


def require_held_out(data: str) -> None:
    """Raise :class:`InputError` for a data set whose validation examples are its test examples."""
    if source_of(data).validation_is_test:
        raise InputError(
            f"{data}: its validation examples are its test examples, as in the paper's code, so parameters chosen on "
            "them would be chosen on the test set; tune on a data set that holds validation examples out"
        )


def _values(node: ast.expr, text: str) -> list[Any]:
    chosen = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == WORD
    nodes = node.args if chosen and isinstance(node, ast.Call) else [node]
    if isinstance(node, ast.Call) and (node.keywords or not nodes):
        raise InputError(f"{text!r}: {WORD} takes values, separated by commas; {FORM}")
    try:
        return [ast.literal_eval(each) for each in nodes]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise InputError(f"{text!r}: {ast.unparse(node)} is no plain value; {FORM}") from error


def _shown(values: list[Any]) -> str:
    return repr(values[0]) if len(values) == 1 else f"{WORD}({', '.join(map(repr, values))})"
