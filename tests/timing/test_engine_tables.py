"""The tables of what a step costs are those of the times that are kept beside them."""

import json

from tests.docs_scripts import DOCS, script


def test_the_pages_show_the_times_that_were_measured():
    drawer = script("draw_engines")
    steps = drawer.measured(DOCS / "engines.json")
    assert {step.network for step in steps} == drawer.NAMES.keys()
    assert drawer.short_table(steps) in (DOCS.parent / "README.md").read_text()
    page = (DOCS / "engines.md").read_text()
    assert drawer.full_table(steps) in page
    assert drawer.parts_table(DOCS / "kernels.json") in page


def test_every_ratio_of_the_table_is_the_median_of_the_rounds_as_the_page_says(tmp_path):
    drawer, times = script("draw_engines"), {"seconds": 0.003, "rival_seconds": 0.001, "lowest": 1.0, "highest": 9.0}
    about = {"about": "fmnist-cnn at density 0.2 (model: 3.3)", "flops": 1}
    comparisons = [{**about, **times, "ratio": 3.8}, {**about, **times, "ratio": 2.9}]
    file = tmp_path / "engines.json"
    file.write_text(json.dumps({"comparisons": comparisons}))
    (row,) = drawer.full_table(drawer.measured(file)).splitlines()[2:]
    *_, engines, _, floor = (cell.strip() for cell in row.strip("|").split("|"))
    assert (engines, floor) == ("3.8 (1.0 to 9.0)", "2.9")
