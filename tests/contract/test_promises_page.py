"""The page of promises says what the contract says, and its example is judged as it tells."""

from pathlib import Path

import pytest

from criteria import load
from criteria.contract.checks import report
from criteria.contract.properties import PROMISES
from criteria.contract.schedule_properties import SCHEDULE_PROMISES
from tests.installed import unique

PAGE = (Path(__file__).parents[2] / "docs/promises.md").read_text("utf-8")


def test_every_promise_is_on_the_page_in_the_words_of_the_report():
    rows = [line.split(" | ")[:2] for line in PAGE.splitlines() if line.startswith("| `")]
    assert {name.removeprefix("| ").strip("`"): words for name, words in rows} == PROMISES | SCHEDULE_PROMISES


@pytest.mark.parametrize(("block", "broken"), [(0, ["deterministic"]), (1, [])])
def test_the_example_breaks_what_the_page_says_and_its_repair_nothing(site, block, broken):
    code = PAGE.split("```python\n")[1 + block].split("```")[0]
    module = unique("averaged")
    text = code if block == 0 else f"from criteria import Criterion\n\n{code}"
    site.install("averaged", {f"{module}.py": text}, f"[dst_bench.criteria]\naveraged = {module}:Averaged\n")
    results = report(load("averaged"), 100, quick=True)
    assert [result.property for result in results if result.outcome == "broken"][:1] == broken
