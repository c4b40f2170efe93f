"""Draw the architecture from the code: which folder imports which, written into ``docs/architecture.md``.

``nox -s drawing`` writes it; ``--check`` only says whether the page shows the code as it is.
"""

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

import grimp

from benchmark.report.marks import between_marks

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("architecture.md")
BEGIN, END = "<!-- drawn by docs/draw_architecture.py -->", "<!-- end of what is drawn -->"
PACKAGES = ("benchmark", "criteria", "baselines")

Imports = dict[str, set[str]]
"""By folder, the folders that it imports directly."""


def imports_between_folders() -> Imports:
    """What each folder of ``benchmark``, and ``criteria`` and ``baselines`` as a whole, import of each other."""
    graph = grimp.build_graph(*PACKAGES)
    found: Imports = {}
    for module in sorted(graph.modules):
        folder = _folder(module)
        others = {_folder(each) for each in graph.find_modules_directly_imported_by(module)}
        if folder is not None:
            found.setdefault(folder, set()).update(other for other in others - {folder} if other is not None)
    return found


def drawing(imports: Imports) -> str:
    """A Mermaid flowchart of the imports, and a table of what each folder is.

    An arrow points at what is imported; arrows that follow from others are left out.
    """
    arrows = [
        f"    {folder} --> {other}"
        for folder, others in sorted(imports.items())
        for other in sorted(others)
        if not any(other in _reached(imports, between) for between in others - {other})
    ]
    rows = [
        f"| `{_path(folder)}/` | {_summary(folder)} | {', '.join(sorted(others)) or 'nothing'} |"
        for folder, others in sorted(imports.items(), key=lambda item: -_height(imports, item[0]))
    ]
    flowchart = ["```mermaid", "flowchart TD", *arrows, "```"]
    table = ["| folder | what it is | imports |", "|---|---|---|", *rows]
    return "\n".join([*flowchart, "", *table])


def _folder(module: str) -> str | None:
    package, _, rest = module.partition(".")
    if package != "benchmark":
        return package
    name = rest.partition(".")[0]
    return name if name and name != "__main__" else None


def _reached(imports: Imports, folder: str) -> set[str]:
    """All that a folder imports, directly or not."""
    found: set[str] = set()
    left = set(imports.get(folder, ()))
    while left:
        other = left.pop()
        if other not in found:
            found.add(other)
            left |= imports.get(other, set())
    return found


def _height(imports: Imports, folder: str) -> int:
    return 1 + max((_height(imports, other) for other in imports[folder]), default=0)


def _path(folder: str) -> str:
    return folder if folder in PACKAGES else f"benchmark/{folder}"


def _summary(folder: str) -> str:
    """The first line of the folder's docstring."""
    tree = ast.parse((ROOT / _path(folder) / "__init__.py").read_text())
    return (ast.get_docstring(tree) or "").partition("\n")[0].rstrip(".")


def main(arguments: Iterable[str]) -> int:
    """Write the page, or with ``--check`` return 1 where it does not show the code as it is."""
    page = PAGE.read_text()
    now = between_marks(page, BEGIN, END, drawing(imports_between_folders()), PAGE)
    if "--check" in arguments:
        if now != page:
            print(f"{PAGE} does not show the code as it is; run python {Path(__file__).name}", file=sys.stderr)
        return int(now != page)
    PAGE.write_text(now)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
