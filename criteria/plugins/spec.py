"""A spec: the name of a plugin and the parameters that it is given, such as ``mest(lambda_=0.1)``, as a value."""

import ast
import keyword
import re
import warnings
from dataclasses import dataclass
from functools import cached_property, total_ordering
from typing import Any

from criteria.errors import InputError

NAME = re.compile(r"\w[\w.-]*")
"""What a plugin may be called; the packaging standard recommends these characters for the names of entry points."""
_CALL = re.compile(rf"\s*({NAME.pattern})\s*(?:\((.*)\))?\s*", re.DOTALL)
_PLAIN = (type(None), bool, int, float, complex, str, bytes)


@total_ordering
@dataclass(frozen=True, eq=False)
class Spec:
    """A plugin's name and parameters; two specs are the same where they are written the same in canonical form.

    The canonical form is ``name(parameter=value, …)`` with parameters sorted by name, and sets and dictionaries
    sorted by what they hold, so that it does not depend on the order in which a process hashes texts.
    """

    name: str
    parameters: tuple[tuple[str, Any], ...] = ()
    """Pairs of a parameter and its value, which is a Python literal; the order does not matter."""

    @classmethod
    def parse(cls, text: str) -> "Spec":
        """Read ``name`` or ``name(parameter=literal, …)``; raises :class:`InputError` for anything else."""
        found = _CALL.fullmatch(text)
        if found is None:
            raise _not_a_spec(text)
        name, arguments = found.groups()
        return cls(name, tuple(sorted(_read(arguments, text).items(), key=lambda pair: pair[0])) if arguments else ())

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        if not self.parameters:
            return self.name
        return f"{self.name}({', '.join(sorted(f'{key}={literal(value)}' for key, value in self.parameters))})"

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Spec) else NotImplemented

    def __lt__(self, other: "Spec") -> bool:
        return (self.name, self._text) < (other.name, other._text)

    def __hash__(self) -> int:
        return hash(self._text)


def literal(value: Any) -> str:
    """A Python literal in its canonical form, which :func:`ast.literal_eval` reads back as the same value."""
    match value:
        case set() | frozenset():
            return f"{{{', '.join(sorted(map(literal, value)))}}}" if value else "set()"
        case dict():
            return f"{{{', '.join(sorted(f'{literal(key)}: {literal(each)}' for key, each in value.items()))}}}"
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case tuple():
            return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
        case float() if value in (float("inf"), float("-inf")):
            return "1e999" if value > 0 else "-1e999"  # Python has no literal of its own for it
        case bool():
            return repr(value)
        case int() if value.bit_length() > 10_000:
            return hex(value)  # Python refuses to write thousands of decimal digits
        case _:
            return repr(value)


def is_literal(value: Any) -> bool:
    """Whether a value is made of plain Python values only, so that its canonical form can be read back."""
    match value:
        case list() | tuple() | set() | frozenset():
            return all(map(is_literal, value))
        case dict():
            return all(is_literal(key) and is_literal(each) for key, each in value.items())
        case _:
            return type(value) in _PLAIN


def _not_a_spec(text: str, why: str = "") -> InputError:
    form = "name or name(parameter=value)"
    return InputError(f"{text!r} cannot be read as {form}: {why}" if why else f"{text!r} is not of the form {form}")


def _read(arguments: str, text: str) -> dict[str, Any]:
    """The parameters between the parentheses of a spec."""
    reserved = [each for each in re.findall(r"(?:^|,)\s*(\w+)\s*=(?!=)", arguments) if keyword.iskeyword(each)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of an invalid escape in a text
            tree = ast.parse(f"_({arguments}\n)", mode="eval").body
        if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
            raise _not_a_spec(text)
        if tree.args:
            raise _not_a_spec(text, f"{ast.unparse(tree.args[0])} is given without the name of a parameter")
        return _values(tree.keywords, text)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        if reserved:
            word = reserved[0]
            raise InputError(
                f"{text!r}: {word} is a word of Python, so no parameter can have that name; write {word}_"
            ) from error
        raise _not_a_spec(text) from error


def _values(keywords: list[ast.keyword], text: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for each in keywords:
        if each.arg is None:
            raise _not_a_spec(text)
        if each.arg in values:
            raise _not_a_spec(text, f"parameter {each.arg!r} is given twice")
        try:
            value = ast.literal_eval(each.value)
        except ValueError:
            raise _not_a_spec(text, f"the value of {each.arg!r} is not a number, a quoted text or a list") from None
        if not is_literal(value):
            raise _not_a_spec(text)
        values[each.arg] = value
    return values


def split_at_commas(text: str) -> list[str]:
    """The parts of a text between the commas that are neither in brackets nor in quotes."""
    parts, depth, quote, escaped = [""], 0, "", False
    for character in text:
        if quote:
            quote = "" if character == quote and not escaped else quote
            escaped = character == "\\" and not escaped
        elif character in "'\"" and depth:
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        if character == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return parts
