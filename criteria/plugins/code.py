"""The code of a module in a form that neither its layout nor its place changes."""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from criteria.plugins.sources import Imported, Module, imported

Follow = Callable[[Imported, bool], "Target | None"]
"""Says where an import leads (the bool: whether a class is built on it); None where that does not matter."""


@dataclass(frozen=True)
class Target:
    """Where an import leads: into a module whose code counts too, or to something that is known by a text."""

    module: Module | None
    text: str


@dataclass
class Code:
    """The code of one module."""

    text: str
    """Statements without comments, docstrings and imports, and what the imports bind, sorted."""
    used: list[Module] = field(default_factory=list)
    """The modules that it imports and whose code counts, in the order of the sorted imports."""
    words: str = ""
    """Every text in the code, each on a line of its own."""


def code_of(tree: ast.Module, module: Module, follow: Follow) -> Code:
    """The code of a module, given its syntax tree, which is changed."""
    built_on = {name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for name in _names(node)}
    entries: list[tuple[str, Module | None]] = []
    renamed: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for each in imported(node, module):
                entry, target = _entry(each, follow(each, each.bound.partition(".")[0] in built_on))
                entries.append((entry, target))
                if target is not None and "." in each.bound:
                    renamed[each.bound] = each.bound.rpartition(".")[2]
    plain = _Normalised(renamed).visit(tree)
    text = ast.unparse(plain)
    texts = [node.value for node in ast.walk(plain) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    ordered = sorted(dict.fromkeys(entries), key=lambda pair: pair[0])
    listed = "\n".join(entry for entry, _ in ordered)
    return Code(
        f"{listed}\n\n{text}".strip(), [target for _, target in ordered if target is not None], "\n".join(texts)
    )


def _entry(each: Imported, target: Target | None) -> tuple[str, Module | None]:
    """What an import binds, as a line of text, and the module whose code stands for the rest."""
    bound = each.bound.rpartition(".")[2]
    if target is None:
        return f"{each.bound} = {each.module}:{each.name or ''}", None
    return f"{bound} = {target.text}", target.module


def _names(node: ast.ClassDef) -> set[str]:
    """Names that what a class is built on starts with."""
    parts = [*node.bases, *(each.value for each in node.keywords)]
    return {each.id for part in parts for each in ast.walk(part) if isinstance(each, ast.Name)}


class _Normalised(ast.NodeTransformer):
    """Drops imports and statements that are nothing but text, and shortens the names of modules that count."""

    def __init__(self, renamed: dict[str, str]) -> None:
        self._renamed = renamed

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else self.generic_visit(node)

    def visit_Import(self, _node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, _node: ast.ImportFrom) -> None:
        return None

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """An f-string in whose values there is text, which each version of Python quotes otherwise, as its parts."""
        values = [each.value for each in node.values if isinstance(each, ast.FormattedValue)]
        if not any(_is_text(each) for value in values for each in ast.walk(value)):
            return self.generic_visit(node)
        return self.generic_visit(ast.Call(ast.Name("f", ast.Load()), _parts(node), []))

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        short = self._renamed.get(ast.unparse(node)) if self._renamed else None
        return ast.Name(short, node.ctx) if short else self.generic_visit(node)


def _parts(node: ast.expr | None) -> list[ast.expr]:
    """The parts of an f-string: texts, and values with their conversions and the parts of their formats."""
    found: list[ast.expr] = []
    for each in node.values if isinstance(node, ast.JoinedStr) else []:
        if isinstance(each, ast.FormattedValue):
            value = [each.value, ast.Constant(each.conversion), *_parts(each.format_spec)]
            found.append(ast.Tuple(value, ast.Load()))
        elif not (isinstance(each, ast.Constant) and each.value == ""):  # which some versions leave out
            found.append(each)
    return found


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def plain_code(source: str) -> str:
    """The statements of a source without its comments, docstrings and layout.

    Of its imports only the other names that they give are there: what is imported may move to another module.
    """
    tree = ast.parse(source)
    froms = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    renamed = {f"{each.name} as {each.asname}" for node in froms for each in node.names if each.asname}
    return "\n".join([*sorted(renamed), ast.unparse(_Normalised({}).visit(tree))])
