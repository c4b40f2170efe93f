"""What a plugin does, as a short hash: another algorithm is another run, and has to keep the contract anew.

The rule. The hash is of the code that the plugin's module reaches by import statements, wherever they stand in it:

- our own modules in ``criteria``, ``baselines``, ``benchmark.data`` and ``benchmark.models``, up to the interface that
  plugins are written against, which is what these packages offer by their ``__init__.py``; for it, and for the rest of
  ``benchmark``, our version stands;
- modules of the plugin's own distribution, with the ``__init__.py`` of the packages that they are in; compiled ones
  count by their bytes;
- modules outside of installed distributions, and those of other distributions that a class is built on or that are
  made for us, in the same way; any other distribution counts by its version; what we depend on ourselves (torch,
  numpy, …) and Python are not looked at.

Where code of the plugin's own distribution could reach files in ways that reading does not follow (it mentions
``__file__``, ``importlib``, ``open``, …), all files of the distribution count: modules, data and compiled ones. A
module counts without its comments, docstrings, layout, place and name; a data file by its name and bytes.
"""

import ast
import hashlib
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import decode_source
from pathlib import Path

from criteria.plugins.code import Code, Target, code_of
from criteria.plugins.home import Home, in_site
from criteria.plugins.owners import OURS, PLATFORM, is_made_for_us, top_level
from criteria.plugins.registry import Registration, registration
from criteria.plugins.sources import Imported, Module, find_module, imports, parse

INTERFACES = ("criteria", "baselines", "benchmark.data", "benchmark.models")
"""Packages of ours that offer what plugins are written against."""
MOST_MODULES = 300
"""Modules of other distributions that are read; where there are more, their versions have to do."""
_HATCHES = re.compile(
    r"__(file|path|spec|loader|import|builtins)__|\b(importlib|pkgutil|runpy|inspect|ctypes|cffi|zipimport|imp|sys|"
    r"exec|eval|open|Path|load_library|cpp_extension|import_module|get_data|globals)\b"
)
"""Words of code that may reach a module or a file in a way that reading does not follow."""


def identity(name: str, kind: str = "criterion") -> str:
    """12 hexadecimal digits that change whenever what the plugin does changes; the plugin is not imported.

    Raises :class:`InputError` for a name that is not registered.
    """
    return _identity(registration(name, kind))


@cache
def _identity(plugin: Registration) -> str:
    module = find_module(plugin.module)
    if module is None:
        return _hash(plugin.value, plugin.version)
    reached = _Reached(plugin)
    reached.add(module)
    return _hash(plugin.attribute, reached.colours()[module.name], *reached.beside())


class _Reached:
    """The modules whose code counts, found by following imports from one of them."""

    def __init__(self, plugin: Registration) -> None:
        self._home = Home(plugin.source)
        self._top = top_level(plugin.module)
        self._modules: dict[str, Module] = {}
        self._code: dict[str, Code] = {}

    def add(self, module: Module) -> None:
        """Follow the imports of a module, and of those that they lead to."""
        left = [module]
        while left:
            each = left.pop()
            if each.name in self._modules:
                continue
            self._modules[each.name] = each
            self._code[each.name] = self._read(each)
            left += self._code[each.name].used
            if self._is_own(each):  # Python runs the packages that a module is in, too
                left += [parent for name in _parents(each.name) if (parent := find_module(name)) and parent.path]

    def colours(self) -> dict[str, str]:
        """A hash of each module that depends on its code and on the hashes of what it imports, not on its name."""
        colours = {name: _hash(code.text) for name, code in self._code.items()}
        for _ in range(min(len(colours), 50)):  # each round looks one import further; imports may go in circles
            colours = {
                name: _hash(code.text, *(colours[used.name] for used in code.used)) for name, code in self._code.items()
            }
        return colours

    def beside(self) -> list[str]:
        """Hashes of what else of the plugin's distribution counts, sorted."""
        own = [module for module in self._modules.values() if self._is_own(module)]
        found: list[tuple[Path, Path]] = []
        if any(_HATCHES.search(self._code[module.name].text) for module in own):
            words = "\n".join(self._code[module.name].words for module in own)
            found = sorted(set(self._home.files(own, words)))
            for root, path in found:
                if path.suffix == ".py" and (module := find_module(_dotted(path, root))) and module.path:
                    self.add(module)
        colours = self.colours()
        files = []
        for root, path in found:
            dotted = _dotted(path, root)
            files.append(_hash(path.name, colours[dotted] if dotted in colours else _digest(path)))
        return sorted(
            [colours[name] for name, each in self._modules.items() if self._is_own(each) and self._code[name].text]
            + files
        )

    def _read(self, module: Module) -> Code:
        if module.path is None:
            return Code("")
        try:
            if module.is_source:
                tree = ast.parse(decode_source(module.path.read_bytes()))
                return code_of(tree, module, lambda each, built_on: self._follow(each, built_on, module))
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # it cannot be run, and may be mended
            pass
        return Code(_digest(module.path))

    def _follow(self, each: Imported, built_on: bool, module: Module) -> Target | None:
        top = top_level(each.module)
        if top in PLATFORM:
            return None
        found = find_module(f"{each.module}.{each.name}") if each.name else None
        name = "" if found is not None else each.name or ""
        found = found or find_module(each.module)
        if found is None:
            return None
        if top in OURS:
            return Target(None, f"interface {name}") if _is_interface(found.name) else Target(found, name)
        if found.path is None or self._is_own(found) or not in_site(found.path):
            return Target(found, name)
        alike = built_on or top == top_level(module.name) or is_made_for_us(top)
        if alike and len(self._modules) < MOST_MODULES:
            return Target(found, name)
        return Target(None, f"{each.module}:{name} {_version(top) or _digest(found.path)}")

    def _is_own(self, module: Module) -> bool:
        if top_level(module.name) in OURS or module.path is None:
            return False
        return top_level(module.name) == self._top or self._home.has(module.path)


@cache
def _interface() -> frozenset[str]:
    """The packages that offer what plugins are written against, and the modules that they take it from."""
    names = set(INTERFACES)
    for module in filter(None, map(find_module, INTERFACES)):
        for each in imports(parse(module), module):
            if top_level(each.module) in OURS:
                names |= {each.module} | ({f"{each.module}.{each.name}"} if each.name else set())
    return frozenset(names)


def _is_interface(name: str) -> bool:
    found = _interface()
    if not any(f"{name}.".startswith(f"{package}.") for package in INTERFACES):
        return True
    return name in found or any(parent in found and parent not in INTERFACES for parent in _parents(name))


@cache
def _version(top: str) -> str:
    """Of the distributions that a top-level module is of."""
    try:
        return " ".join(f"{name} {version(name)}" for name in sorted(set(_distributions().get(top, []))))
    except PackageNotFoundError:
        return ""


@cache
def _distributions() -> "dict[str, list[str]]":
    return dict(packages_distributions())


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _dotted(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return str(error.strerror)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]
