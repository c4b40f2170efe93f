"""The parameters that a plugin has, and the one check of the values that it is given.

The fields of a dataclass and the arguments of a function are checked alike, by their type annotations: strictly, so
that neither ``True`` nor ``"1"`` is a number, except that a whole number is a float and a list may stand for a tuple.
"""

import dataclasses
import inspect
import math
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from criteria.errors import InputError
from criteria.plugins.spec import literal

_MANY = {int: "whole numbers", float: "numbers", str: "texts"}


@dataclass(frozen=True)
class Declared:
    """A parameter as a plugin declares it."""

    annotation: Any
    """The type of its values; ``Any`` where neither an annotation nor a default tells."""
    default: Any = inspect.Parameter.empty
    """``inspect.Parameter.empty`` where a value has to be given."""

    @property
    def is_required(self) -> bool:
        """Whether a value has to be given."""
        return self.default is inspect.Parameter.empty

    def is_default(self, value: Any) -> bool:
        """Whether a value is written like the default."""
        if self.is_required:
            return False
        default = float(self.default) if self.annotation is float and type(self.default) is int else self.default
        return literal(value) == literal(default)


def declared_by(plugin: Callable[..., Any], given: tuple[str, ...] = ()) -> dict[str, Declared]:
    """The parameters of a class or a function by name, without the arguments that the program gives."""
    if dataclasses.is_dataclass(plugin):
        hints = _hints(plugin)
        return {
            field.name: _declared(hints.get(field.name, Any), _default_of(field))
            for field in dataclasses.fields(plugin)
            if field.init
        }
    hints = _hints(vars(plugin).get("__init__", plugin) if isinstance(plugin, type) else plugin)
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {
        name: _declared(hints.get(name, Any), each.default)
        for name, each in inspect.signature(plugin).parameters.items()
        if name not in given and each.kind not in variable
    }


def checked(what: str, declared: Mapping[str, Declared], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The values ``chosen`` for the parameters of ``what``, converted to the declared types.

    Raises :class:`InputError` for a parameter that is not declared or has no value, for a value of another type and for
    a number that is not finite.
    """
    known = ", ".join(declared) or "none"
    for key in chosen:
        if key not in declared:
            raise InputError(f"{what} has no parameter {key!r}; it has: {known}")
    for key, parameter in declared.items():
        if parameter.is_required and key not in chosen:
            raise InputError(f"{what} needs a value for its parameter {key!r}; it has: {known}")
    return {key: _checked(f"{what}: parameter {key}", declared[key].annotation, value) for key, value in chosen.items()}


def _checked(what: str, annotation: Any, value: Any) -> Any:
    from pydantic import ConfigDict, PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError

    if not _is_finite(value):
        raise InputError(f"{what} must be finite, not {literal(value)}")
    try:
        adapter = TypeAdapter(annotation, config=ConfigDict(strict=True))
    except (PydanticSchemaGenerationError, PydanticUserError):  # its type has no rule, so the plugin itself decides
        return value
    for candidate in (value, _constant(value)):
        try:
            found = adapter.validate_python(candidate)
        except (ValidationError, OverflowError):
            continue
        if _is_finite(found):  # a whole number may be larger than any float
            return found
    raise InputError(f"{what} takes {_described(annotation)}, not {literal(value)}")


def _constant(value: Any) -> Any:
    """What may stand for a list or a set where the declared type is one that cannot change."""
    match value:
        case list():
            return tuple(value)
        case set():
            return frozenset(value)
        case _:
            return value


def _is_finite(value: Any) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case complex():
            return math.isfinite(value.real) and math.isfinite(value.imag)
        case list() | tuple() | set() | frozenset():
            return all(map(_is_finite, value))
        case dict():
            return all(_is_finite(key) and _is_finite(each) for key, each in value.items())
        case _:
            return True


def _declared(annotation: Any, default: Any) -> Declared:
    if annotation is Any and default is not inspect.Parameter.empty and default is not None:
        return Declared(type(default), default)
    return Declared(annotation, default)


def _default_of(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default


def _hints(plugin: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(plugin)
    except Exception:  # such as a name that only type checkers import
        return {}


def _described(annotation: Any) -> str:
    """What a parameter takes, in words."""
    if typing.get_origin(annotation) is Literal:
        return f"one of {', '.join(map(literal, typing.get_args(annotation)))}"
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (list, tuple, Sequence) and (len(arguments) == 1 or arguments[1:] == (...,)):
        return f"a list of {_MANY.get(arguments[0], str(arguments[0]))}"
    if isinstance(annotation, type) and not arguments:
        return f"{'an' if annotation.__name__[0] in 'aeiou' else 'a'} {annotation.__name__}"
    return str(annotation).replace("typing.", "").replace("collections.abc.", "")
