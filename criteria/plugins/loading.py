"""Finding plugins by entry point, and making one from a spec such as ``mest(lambda_=0.1)``.

Criteria, growths, baselines and experiments are all found here; what this distribution ships is registered in its
``pyproject.toml`` exactly as anyone else's plugin is in theirs.
"""

import ast
import dataclasses
import difflib
import hashlib
import inspect
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from criteria.errors import InputError
from criteria.fingerprint import fingerprint

KINDS = {
    "criterion": "dst_bench.criteria",
    "growth": "dst_bench.growth",
    "baseline": "dst_bench.baselines",
    "experiments": "dst_bench.experiments",
}
"""Entry-point group of each kind of plugin."""


@dataclass(frozen=True)
class Spec:
    """A plugin's name and the parameters that differ from their defaults; printed as ``name(parameter=value)``."""

    name: str
    parameters: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        if not self.parameters:
            return self.name
        return f"{self.name}({', '.join(f'{key}={value!r}' for key, value in self.parameters)})"


def entry_points_of(kind: str) -> dict[str, EntryPoint]:
    """Installed plugins of ``kind`` by name; raises :class:`InputError` where two distributions claim one name."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=KINDS[kind]):
        other = found.get(point.name)
        if other is not None and other.value != point.value:
            raise InputError(
                f"{kind} {point.name!r} is registered twice, as {other.value} and {point.value}; uninstall one of them"
            )
        found[point.name] = point
    return found


def names(kind: str = "criterion") -> list[str]:
    """Names of the installed plugins of ``kind``, sorted."""
    return sorted(entry_points_of(kind))


def load(spec: str | Spec, kind: str = "criterion", **parameters: Any) -> Any:
    """A new instance of an installed plugin: ``load("mest", lambda_=0.1)`` or ``load("mest(lambda_=0.1)")``.

    Raises :class:`InputError` for a name that is not installed, a plugin that cannot be imported and a parameter that
    it does not have or does not take.
    """
    spec = parse(spec) if isinstance(spec, str) else spec
    plugin = _load_class(kind, spec.name)
    chosen = {**dict(spec.parameters), **parameters}
    fields = {f.name: f for f in dataclasses.fields(plugin)} if dataclasses.is_dataclass(plugin) else {}
    for key, value in chosen.items():
        if key not in fields:
            known = ", ".join(fields) or "none"
            raise InputError(f"{kind} {spec.name!r} has no parameter {key!r}; it has: {known}")
        default = fields[key].default
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            chosen[key] = value = float(value)
        if default is not dataclasses.MISSING and default is not None and type(value) is not type(default):
            raise InputError(f"{kind} {spec.name!r}: parameter {key} takes a {type(default).__name__}, not {value!r}")
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{kind} {spec.name!r}: parameter {key} must be finite, not {value}")
    try:
        return plugin(**chosen)
    except (TypeError, ValueError) as error:
        raise InputError(f"{kind} {spec}: {error}") from error


def summary(spec: str | Spec, kind: str = "criterion") -> str:
    """What a plugin is, in the first line of its docstring; empty where it has none."""
    return (inspect.getdoc(load(spec, kind)) or "").split("\n")[0]


def resolve(spec: str, kind: str = "criterion") -> Spec:
    """The spec in canonical form (known plugin, checked parameters, defaults left out, sorted by parameter)."""
    parsed = parse(spec)
    instance = load(parsed, kind)
    if not dataclasses.is_dataclass(instance):
        return Spec(parsed.name)
    changed = {
        f.name: getattr(instance, f.name)
        for f in dataclasses.fields(instance)
        if f.init and f.name in dict(parsed.parameters) and getattr(instance, f.name) != f.default
    }
    return Spec(parsed.name, tuple(sorted(changed.items())))


def parse(text: str) -> Spec:
    """Read ``name`` or ``name(parameter=literal, …)``; raises :class:`InputError` for anything else."""
    problem = f"{text!r} is not of the form name or name(parameter=value)"
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        if isinstance(tree, ast.Name):
            return Spec(tree.id)
        if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name) or tree.args:
            raise InputError(problem)
        values = {str(k.arg): ast.literal_eval(k.value) for k in tree.keywords if k.arg is not None}
        if len(values) != len(tree.keywords):
            raise InputError(problem)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise InputError(problem) from error
    return Spec(tree.func.id, tuple(sorted(values.items())))


@cache
def identity(name: str, kind: str) -> str:
    """Short hash of what an installed plugin does: of its code or, where it has none to read, of its release."""
    plugin = _load_class(kind, name)
    dist = entry_points_of(kind)[name].dist
    release = f"{plugin.__module__}.{plugin.__qualname__} {dist.version if dist else ''}"
    return fingerprint(plugin) or hashlib.sha256(release.encode()).hexdigest()[:12]


def unknown(what: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that does not exist, with the nearest ones that do."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
    return InputError(f"unknown {what} {name!r}; {hint}")


@cache
def _load_class(kind: str, name: str) -> type:
    points = entry_points_of(kind)
    if name not in points:
        raise unknown(kind, name, points)
    try:
        plugin = points[name].load()
    except Exception as error:  # a plugin may fail in any way while it is imported
        raise InputError(f"{kind} {name!r} ({points[name].value}) cannot be imported: {error!r}") from error
    if not isinstance(plugin, type):
        raise InputError(f"{kind} {name!r} ({points[name].value}) is not a class")
    return plugin
