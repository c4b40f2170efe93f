"""What the source of a plugin says about it: its summary, its parameters and its methods, without importing it."""

import ast
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from criteria.errors import one_line, printable
from criteria.plugins.parameters import Declared
from criteria.plugins.registry import Registration, registration
from criteria.plugins.sources import Module, absolute, find_module, parse

_MOST_STEPS = 20
"""Imports that are followed from where a plugin is registered to where it is written."""
_TYPES: dict[str, Any] = {
    **{each.__name__: each for each in (bool, dict, float, frozenset, int, list, set, str, tuple)},
    "Sequence": Sequence,
    "Literal": Literal,
    "Any": Any,
}
"""Names that annotations of parameters are made of."""
_MAKES = frozenset({"__init__", "__new__", "__post_init__"})
"""Methods that decide whether the values of parameters are right."""


class NotReadableError(Exception):
    """The source does not say it, so the plugin has to be imported to know."""


@dataclass(frozen=True)
class Written:
    """The definition of a class or a function in a module."""

    node: ast.ClassDef | ast.FunctionDef
    module: Module


def summary_of(plugin: Registration) -> str:
    """The first line of the docstring; in brackets why there is none to read, and empty where none was written."""
    if plugin.others:
        return f"(registered twice: {', '.join((plugin.value, *plugin.others))})"
    if not plugin.attribute:
        return ""
    try:
        docstring = ast.get_docstring(written(plugin).node)
    except NotReadableError as error:
        return f"({one_line(error)})"
    return printable(inspect.cleandoc(docstring or "").split("\n")[0])


def written(plugin: Registration) -> Written:
    """Where the class or function of a plugin is written; raises :class:`NotReadableError` where that is not found."""
    module = find_module(plugin.module)
    if module is None:
        raise NotReadableError(f"there is no module {plugin.module}")
    return _definition(module, plugin.attribute)


@dataclass(frozen=True)
class WrittenClass:
    """The definition of a class in a module."""

    node: ast.ClassDef
    module: Module


def lineage(found: Written, steps: int = _MOST_STEPS) -> list[WrittenClass]:
    """A class and the classes that it is built on, nearest first.

    Raises :class:`NotReadableError` for a base class that cannot be found by reading.
    """
    if not isinstance(found.node, ast.ClassDef) or steps == 0:
        raise NotReadableError(f"{found.node.name} of {found.module.name} is not a class")
    classes = [WrittenClass(found.node, found.module)]
    for base in found.node.bases:
        name = _dotted(base)
        if name in ("object", "Protocol", "ABC", "abc.ABC"):
            continue
        if name is None or "." in name:
            raise NotReadableError(f"the base class {ast.unparse(base)} is not a plain name")
        above = lineage(_definition(found.module, name), steps - 1)
        classes += [each for each in above if each not in classes]
    return classes


def defines(name: str, kind: str, method: str) -> bool:
    """Whether the class of a plugin, or one that it is built on short of the interface, defines ``method``.

    The plugin is imported only where its source does not say.
    """
    plugin = registration(name, kind)
    try:
        return any(
            isinstance(statement, ast.FunctionDef) and statement.name == method
            for each in _above_interface(plugin)
            for statement in each.node.body
        )
    except NotReadableError:
        from criteria.plugins.loading import plugin as loaded

        found = loaded(name, kind)
        own = [cls for cls in found.__mro__ if f"{cls.__module__}:{cls.__qualname__}" != plugin.kind.base]
        return any(method in vars(cls) for cls in own if cls is not object)


def parameters_of(plugin: Registration, *, defaults_only: bool = False) -> dict[str, Declared]:
    """The parameters of a plugin of which nothing but their types decides which values are right.

    With ``defaults_only`` no value is given, so a ``__post_init__`` that checks values has nothing to decide. Raises
    :class:`NotReadableError` where that is not so, or where types and defaults are not of a plain form.
    """
    if plugin.kind.registers == "object":
        return {}
    found = written(plugin)
    if isinstance(found.node, ast.FunctionDef):
        return _arguments(found.node, plugin.kind.given)
    declared: dict[str, Declared] = {}
    makes = _MAKES - {"__post_init__"} if defaults_only else _MAKES
    for each in reversed(_above_interface(plugin)):
        if any(isinstance(statement, ast.FunctionDef) and statement.name in makes for statement in each.node.body):
            raise NotReadableError("code decides which values are right")
        fields = [node for node in each.node.body if isinstance(node, ast.AnnAssign) and not _is_class_var(node)]
        if fields and not _is_plain_dataclass(each.node):
            raise NotReadableError("the class has annotations and is not a dataclass")
        declared |= {_target(field): _declared(field.annotation, field.value) for field in fields}
    return declared


def _arguments(function: ast.FunctionDef, given: tuple[str, ...]) -> dict[str, Declared]:
    if function.decorator_list or function.args.posonlyargs:
        raise NotReadableError(f"{function.name} is decorated, or has arguments without a name")
    plain, named = function.args.args, function.args.kwonlyargs
    defaults = [None] * (len(plain) - len(function.args.defaults)) + list(function.args.defaults)
    pairs = zip([*plain, *named], [*defaults, *function.args.kw_defaults], strict=True)
    return {each.arg: _declared(each.annotation, default) for each, default in pairs if each.arg not in given}


def _above_interface(plugin: Registration) -> list[WrittenClass]:
    classes = lineage(written(plugin))
    names = [f"{each.module.name}:{each.node.name}" for each in classes]
    if plugin.kind.base not in names:
        raise NotReadableError(f"{plugin.value} is not built on {plugin.kind.base}")
    return classes[: names.index(plugin.kind.base)]


def _definition(module: Module, name: str, steps: int = _MOST_STEPS) -> Written:
    """The one definition of ``name`` at the top of a module, or where the module imports it from."""
    try:
        tree = parse(module)
    except (OSError, SyntaxError, ValueError) as error:
        raise NotReadableError(f"{module.name} cannot be read: {one_line(error)}") from error
    found: list[ast.stmt] = [statement for statement in _at_the_top(tree) if name in _bound(statement)]
    if len(found) != 1 or steps == 0:
        raise NotReadableError(f"{module.name} does not say in one place what {name} is")
    statement = found[0]
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        return Written(statement, module)
    if not isinstance(statement, ast.ImportFrom):
        raise NotReadableError(f"{module.name} computes what {name} is")
    origin = find_module(absolute(statement, module))
    original = next(alias.name for alias in statement.names if name == (alias.asname or alias.name))
    if origin is None:
        raise NotReadableError(f"{module.name} imports {name} from a module that is not there")
    return _definition(origin, original, steps - 1)


def _at_the_top(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module, with those that only type checkers run: a lazy package names its parts there."""
    for statement in tree.body:
        if isinstance(statement, ast.If) and _dotted(statement.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from statement.body
        else:
            yield statement


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a statement at the top of a module may bind."""
    definitions = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    bound: set[str] = set()
    for node in [statement] if isinstance(statement, definitions) else ast.walk(statement):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                bound.add(node.name)
            case ast.Import() | ast.ImportFrom():
                bound |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            case ast.Name(ctx=ast.Store()):
                bound.add(node.id)
    return bound


def _is_plain_dataclass(node: ast.ClassDef) -> bool:
    """Whether the class is a dataclass, with nothing else that decorates it."""
    names = [_dotted(each.func if isinstance(each, ast.Call) else each) for each in node.decorator_list]
    if names and names not in (["dataclass"], ["dataclasses.dataclass"]):
        raise NotReadableError(f"{node.name} is decorated")
    return bool(names)


def _is_class_var(statement: ast.AnnAssign) -> bool:
    annotation = statement.annotation
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return _dotted(annotation) in ("ClassVar", "typing.ClassVar")


def _target(statement: ast.AnnAssign) -> str:
    if not isinstance(statement.target, ast.Name):
        raise NotReadableError("a field is not a plain name")
    return statement.target.id


def _declared(annotation: ast.expr | None, default: ast.expr | None) -> Declared:
    if default is None:
        return Declared(_type(annotation))
    try:
        return Declared(_type(annotation), ast.literal_eval(default))
    except ValueError as error:
        raise NotReadableError(f"the default {ast.unparse(default)} is computed") from error


def _type(annotation: ast.expr | None) -> Any:
    """The type that an annotation stands for, where it is made of nothing but well-known names."""
    match annotation:
        case ast.Name() if annotation.id in _TYPES:
            return _TYPES[annotation.id]
        case ast.Constant() if annotation.value is None:
            return None
        case ast.BinOp(op=ast.BitOr()):
            return _type(annotation.left) | _type(annotation.right)
        case ast.Subscript() if _dotted(annotation.value) == "Literal":
            return Literal[ast.literal_eval(annotation.slice)]
        case ast.Subscript():
            parts = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
            is_many = len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is ...
            types = (_type(parts[0]), ...) if is_many else tuple(map(_type, parts))
            return _type(annotation.value)[types]
        case _:
            raise NotReadableError("the type of a parameter is not made of well-known names")


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None
