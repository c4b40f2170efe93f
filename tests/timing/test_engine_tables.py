"""The tables of what a step costs are those of the times that are kept beside them."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_pages_show_the_times_that_were_measured():
    spec = importlib.util.spec_from_file_location("draw_engines", DOCS / "draw_engines.py")
    drawer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawer)
    steps = drawer.measured(DOCS / "engines.json")
    assert {step.network for step in steps} == drawer.NAMES.keys()
    assert drawer.short_table(steps) in (DOCS.parent / "README.md").read_text()
    assert drawer.full_table(steps) in (DOCS / "engines.md").read_text()
