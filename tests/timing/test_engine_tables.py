"""The tables of what a step costs are those of the times that are kept beside them."""

from tests.docs_scripts import DOCS, script


def test_the_pages_show_the_times_that_were_measured():
    drawer = script("draw_engines")
    steps = drawer.measured(DOCS / "engines.json")
    assert {step.network for step in steps} == drawer.NAMES.keys()
    assert drawer.short_table(steps) in (DOCS.parent / "README.md").read_text()
    assert drawer.full_table(steps) in (DOCS / "engines.md").read_text()
