"""Public libraries keep and break the promises that they are known to; those that are not installed are skipped."""

from pathlib import Path

import pytest

from criteria.contract.implementations import PROMISES
from examples.libraries.__main__ import MARKS, missing, results_of, surprises
from examples.libraries.findings import LIBRARIES

PAGE = Path(__file__).parents[2] / "docs/libraries.md"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_what_is_known_of_a_library_is_found_again_and_is_what_the_page_says(library):
    if why := missing(library):
        pytest.skip(why)
    results = results_of(library, examples=30)
    assert surprises(library, results) == []
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.read_text().splitlines() if "|" in line]
    table = rows[rows.index(next(row for row in rows if row[0] == "promise")) :]
    column = table[0].index(library.name)
    assert {row[0].strip("`"): row[column] for row in table[2:] if row[0].strip("`") in PROMISES} == {
        result.property: MARKS[result.outcome] for result in results
    }


def test_every_finding_is_on_the_page_with_the_version_that_it_is_of():
    page = PAGE.read_text()
    for library in LIBRARIES:
        assert library.name in page
        if library.version:
            assert f"{library.package} {library.version}" in page
        for promise, reason in library.expected.items():
            assert promise in PROMISES
            assert reason in page
