"""What a plugin's code is, as a short hash: another algorithm is another run, and has to keep the contract anew."""

import ast
import hashlib
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, find_spec, resolve_name
from pathlib import Path

OURS = frozenset({"criteria", "baselines"})
"""Packages that a plugin may build on."""
INTERFACE = frozenset({*OURS, "criteria.api", "criteria.errors", "criteria.selection", "baselines.api"})
"""Modules that plugins are written against; they belong to the engine, whose version says what they do."""


def fingerprint(plugin: type) -> str | None:
    """A hash of 12 characters of a plugin's code, layout and docstrings aside; None where its source is not there.

    The code is that of the modules in which its class and the classes that it is built on are written, and of the
    modules that these import from their own package or from ours, up to the interface of plugins.
    """
    packages = OURS | {_package(plugin.__module__)}
    found: dict[str, str] = {}
    left = [cls.__module__ for cls in plugin.__mro__ if _package(cls.__module__) in packages]
    while left:
        name = left.pop()
        if name in found or name in INTERFACE:
            continue
        source = _source(name)
        if source is None:
            return None
        tree = ast.parse(source)
        found[name] = ast.unparse(_WithoutDocstrings().visit(tree))
        # others' modules are not even looked for, which would import the packages that they are in
        left += [each for each in _imported(tree, name) if _package(each) in packages and _spec(each)]
    return hashlib.sha256("\n".join(found[name] for name in sorted(found)).encode()).hexdigest()[:12]


class _WithoutDocstrings(ast.NodeTransformer):
    """Drops statements that are nothing but text."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node


def _package(module: str) -> str:
    return module.partition(".")[0]


def _source(module: str) -> str | None:
    spec = _spec(module)
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    try:
        return decode_source(Path(spec.origin).read_bytes())
    except OSError:
        return None


def _spec(module: str) -> ModuleSpec | None:
    try:
        return find_spec(module)
    except (ImportError, ValueError):  # it is not in a package, or it is the program that was started
        return None


def _imported(tree: ast.Module, module: str) -> list[str]:
    """What may be modules that the code of ``module`` imports, wherever in it."""
    spec = _spec(module)
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), spec.parent if spec else None)
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names
