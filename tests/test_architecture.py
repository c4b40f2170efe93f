"""The house as it is meant: imports go downwards, parts are small, and the drawing of it shows the code."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter import api  # noqa: F401  (the linter is there, or the test of layers could not fail)

from tests.docs_scripts import script

ROOT = Path(__file__).parents[1]
CODE = [path for top in ("benchmark", "criteria", "baselines") for path in sorted((ROOT / top).rglob("*.py"))]
MOST_ENTRIES, MOST_LINES, MOST_FUNCTION_LINES, MOST_PARAMETERS = 13, 300, 40, 6
EXCUSED = "# long because "
"""How the line before a function begins that is longer than others, or takes more, and says why."""


def test_imports_go_downwards_and_criteria_stand_alone():
    """The layers are in pyproject.toml, [tool.importlinter]."""
    found = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as l; l()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "kept" in found.stdout


def test_no_import_goes_in_a_circle_between_folders():
    draw = drawer()
    imports = draw.imports_between_folders()
    assert all(folder not in draw._reached(imports, folder) for folder in imports)


def test_the_drawing_shows_the_code_as_it_is():
    assert drawer().main(["--check"]) == 0


def test_the_drawing_would_show_an_import_that_is_new():
    draw = drawer()
    imports = draw.imports_between_folders()
    changed = {**imports, "models": {*imports["models"], "data"}}
    assert draw.drawing(changed) != draw.drawing(imports)


def test_an_engine_is_as_little_to_write_as_a_hundred_and_twenty_lines():
    assert len((ROOT / "tests/training/naive_engine.py").read_text().splitlines()) <= 120


def test_benchmark_holds_the_rooms_of_the_design_and_no_more():
    entries = [path for path in (ROOT / "benchmark").iterdir() if path.name not in ("__pycache__", "py.typed")]
    assert len(entries) <= MOST_ENTRIES, sorted(path.name for path in entries)


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_one_idea_of_at_most_300_lines_and_its_functions_are_small(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= MOST_LINES
    too_large = [
        function.name
        for function in functions(ast.parse("\n".join(lines)))
        if too_long(function) or too_wide(function)
        if EXCUSED not in lines[first_line(function) - 2]
    ]
    assert not too_large


def test_every_excuse_for_a_large_function_stands_above_a_large_function():
    unneeded = []
    for path in CODE:
        text = path.read_text()
        large = [function for function in functions(ast.parse(text)) if too_long(function) or too_wide(function)]
        excused = {number for number, line in enumerate(text.splitlines(), 1) if EXCUSED in line}
        needed = {first_line(function) - 1 for function in large}
        unneeded += [f"{path.relative_to(ROOT)}:{number}" for number in sorted(excused - needed)]
    assert not unneeded


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def too_long(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return (function.end_lineno or 0) - function.lineno + 1 > MOST_FUNCTION_LINES


def too_wide(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = function.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")]) > MOST_PARAMETERS


def first_line(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])


def drawer():
    return script("draw_architecture")
