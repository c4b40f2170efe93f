"""Reading YAML and checking it against a data model, with errors of one line that name the file and the place.

Plain values are read as YAML 1.2's core schema has them, and not as PyYAML does by YAML 1.1: ``1e-3`` is a number,
``yes`` and ``12:30`` are texts, ``0o17`` is 15 and ``017`` is 17.
"""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from benchmark.system.files import read_text
from benchmark.system.quantity import quantity
from criteria.errors import InputError, one_line
from criteria.plugins import unknown

Model = TypeVar("Model", bound=BaseModel)
_MOST_DIGITS = 100
MOST_BYTES = 2**21
"""Of a YAML file: a panel's expected values take a fiftieth of it, and reading that much takes a minute."""


if yaml.__with_libyaml__:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]

    class _Events(Composer, CParser, SafeConstructor, Resolver):
        """PyYAML's safe loader, which takes the events of a text from libyaml: that is three times as fast."""

        def __init__(self, stream: str) -> None:
            CParser.__init__(self, stream)
            Composer.__init__(self)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

else:
    _Events = yaml.SafeLoader  # type: ignore[misc,assignment]

_KINDS = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    **dict.fromkeys(("dict_type", "model_type", "dataclass_type"), "keys with values"),
    "string_type": "a text",
    "missing": "a value",
}
"""What pydantic's kinds of problems say was expected."""
_LIMITS = {
    "greater_than": ("a number above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("a number below", "lt"),
    "less_than_equal": ("at most", "le"),
}
"""The same of limits, with pydantic's name of the limit."""
CORE_SCHEMA = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", [*"-+0123456789"]),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        [*"-+0123456789."],
    ),
)
"""What plain values are, the first that fits: the tag, how a value is written, and what it can begin with."""


def read_as_core_schema(kind: Any) -> None:
    """Make a loader or a dumper of PyYAML tell plain values from texts as YAML 1.2's core schema does."""
    kind.yaml_implicit_resolvers = {}
    for tag, pattern, first in CORE_SCHEMA:
        kind.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), first)


class _Loader(_Events):
    """A safe loader of YAML 1.2's plain values, without what no file of ours needs and a damaged or hostile one abuses.

    A key that is given twice is an error instead of the last one winning; so are references (``*name``), with which a
    few lines stand for gigabytes, and whole numbers of hundreds of digits.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark: Any = self.peek_event().start_mark  # type: ignore[union-attr]
            raise yaml.composer.ComposerError(None, None, "references (*name) are not read; write it out", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable) or key in seen:
                problem = f"key {key!r} given twice" if isinstance(key, Hashable) else "a key must be a single value"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        text = str(self.construct_scalar(node))
        value = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10)) if len(text) <= _MOST_DIGITS + 2 else 10**_MOST_DIGITS
        if abs(value) >= 10**_MOST_DIGITS:
            raise yaml.constructor.ConstructorError(None, None, "number has too many digits", node.start_mark)
        return value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)  # type: ignore[type-var]
read_as_core_schema(_Loader)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; raises :class:`InputError` where it cannot be read or is not YAML."""
    return parse_yaml(read_text(path, MOST_BYTES), str(path))


def parse_yaml(text: str, where: str) -> Any:
    """The content of a YAML text; ``where`` names it in errors."""
    try:
        return yaml.load(text, Loader=_Loader)  # type: ignore[arg-type]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{where}{place}: not valid YAML: {error.problem}") from error
    except RecursionError as error:
        raise InputError(f"{where}: not valid YAML: nested too deeply") from error
    except Exception as error:  # PyYAML's constructors stumble over values in many ways: a KeyError for !!bool maybe
        raise InputError(f"{where}: not valid YAML: {one_line(error)}") from error


def validate(model: type[Model], content: Any, where: str) -> Model:
    """``content`` as an instance of ``model``; raises :class:`InputError` naming ``where`` and the key at fault.

    ``where`` is empty for a part of something that is named already.
    """
    place = f"{where}: " if where else ""
    if not isinstance(content, dict):
        raise InputError(f"{place}expected a mapping of keys to values, found {type(content).__name__}")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{place}{_explain(error, model)}") from error


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first problem of a validation in one line: unknown keys first, missing ones last (others explain them)."""
    kinds = {"extra_forbidden": -1, "missing": 1}
    problems = sorted(error.errors(include_url=False), key=lambda e: kinds.get(e["type"], 0))
    first = problems[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        *parents, key = first["loc"]
        known = _fields_at(model, parents)
        if not known:
            return f"unknown key {place!r}"
        return ": ".join([*(str(part) for part in parents), str(unknown("key", str(key), known))])
    message = f"{_words(first)}{_found(first)}"
    return f"{place}: {message}" if place else message


def _words(problem: ErrorDetails) -> str:
    """What was expected, in the words of this project and not in those of the library that found it."""
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind in _KINDS:
        return f"expected {_KINDS[kind]}"
    if kind in _LIMITS:
        words, name = _LIMITS[kind]
        return f"expected {words} {limits[name]:g}"
    if kind == "too_short":
        return f"expected at least {quantity(limits['min_length'], 'value')}"
    return problem["msg"].removeprefix("Value error, ").replace("Input should be", "expected")


def _found(problem: ErrorDetails) -> str:
    if problem["type"] == "missing":
        return ", found none"
    shown = repr(problem["input"])
    if len(shown) > 60:
        return ""
    return f" (found {shown})" if problem["type"] == "value_error" else f", found {shown}"


def _fields_at(model: type[BaseModel], path: list[int | str]) -> list[str]:
    """Keys that the part of ``model`` at ``path`` has; empty where the path leaves plain nested models."""
    for part in path:
        field = model.model_fields.get(str(part))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return []
        model = field.annotation
    return list(model.model_fields)
