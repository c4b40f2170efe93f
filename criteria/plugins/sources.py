"""Finding and reading the source of modules without importing them or the packages that they are in."""

import ast
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import decode_source, find_spec
from pathlib import Path


@dataclass(frozen=True)
class Module:
    """A module that Python would import: its dotted name and its file."""

    name: str
    path: Path | None
    """None where there is no file: a built-in module, or a package without ``__init__.py``."""
    is_package: bool

    @property
    def is_source(self) -> bool:
        """Whether the file is Python source."""
        return self.path is not None and self.path.suffix == ".py"

    @property
    def package(self) -> str:
        """The package that relative imports of this module start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


@cache
def find_module(name: str) -> Module | None:
    """The module that Python would import under ``name``; None where there is none.

    ``importlib.util.find_spec`` imports the parents of the module that it looks for; this follows their folders.
    """
    spec = _spec(name)
    if spec is None:
        return None
    path = Path(spec.origin) if spec.has_location and spec.origin else None
    return Module(name, path, spec.submodule_search_locations is not None)


def folders_of(package: str) -> list[Path]:
    """The folders of a package; none where there is no such package."""
    spec = _spec(package)
    return [] if spec is None else [Path(folder) for folder in spec.submodule_search_locations or ()]


def parse(module: Module) -> ast.Module:
    """The syntax tree of a module.

    Raises ``OSError``, ``SyntaxError`` or ``ValueError`` where it cannot be read, nested too deeply for Python's parser
    among them.
    """
    if module.path is None or not module.is_source:
        raise ValueError(f"{module.name} has no source")
    return parse_file(module.path)


@cache
def parse_file(path: Path) -> ast.Module:
    """The syntax tree of a file of Python source; it is shared, so it must not be changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as of an invalid escape in a text
        try:
            return ast.parse(decode_source(path.read_bytes()))
        except (RecursionError, MemoryError) as error:
            raise ValueError("it is nested too deeply to be read") from error


@dataclass(frozen=True)
class Imported:
    """One name that an import statement binds."""

    bound: str
    """The name in the importing module; ``*`` for all of them."""
    module: str
    """The absolute name of the module that the statement names."""
    name: str | None
    """What is taken from it; None where the statement binds the module itself."""


def imports(tree: ast.AST, module: Module) -> Iterator[Imported]:
    """Every import below ``tree``, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imported(node, module)


def imported(node: ast.Import | ast.ImportFrom, module: Module) -> list[Imported]:
    """What one import statement of ``module`` binds."""
    if isinstance(node, ast.Import):
        return [Imported(alias.asname or alias.name, alias.name, None) for alias in node.names]
    base = absolute(node, module)
    return [Imported(alias.asname or alias.name, base, alias.name) for alias in node.names]


def absolute(node: ast.ImportFrom, module: Module) -> str:
    """The absolute name of the module that ``from … import`` names; empty where it leads out of the top package."""
    if node.level == 0:
        return node.module or ""
    parents = module.package.split(".") if module.package else []
    kept = parents[: len(parents) - (node.level - 1)] if node.level <= len(parents) else []
    return ".".join([*kept, *([node.module] if node.module else [])]) if kept else ""


def _spec(name: str) -> ModuleSpec | None:
    top, *rest = name.split(".")
    try:
        spec = find_spec(top) if top else None
        whole = top
        for part in rest:
            if spec is None or spec.submodule_search_locations is None:
                return None
            whole = f"{whole}.{part}"
            spec = _below(list(spec.submodule_search_locations), part, whole)
    except (ImportError, ValueError, AttributeError):  # such as of the program that was started
        return None
    return spec


def _below(folders: list[str], part: str, whole: str) -> ModuleSpec | None:
    """The spec of the module ``whole``, whose last part is ``part``, in the folders of its package.

    The last part is looked for alone, because under the whole name Python looks for its parents among what is imported.
    Finders of editable installs, which serve some namespace packages, know whole names only.
    """
    found = PathFinder.find_spec(part, folders)
    if found is not None:
        return found
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_spec") and finder is not PathFinder]
    return next((spec for finder in finders if (spec := finder.find_spec(whole, folders)) is not None), None)
