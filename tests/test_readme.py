"""What README says of results is what is stored, and what it says of the contract is what the page on it says."""

import lzma
import re

import pytest

from benchmark.verdicts.expected import read_expected
from tests.docs_scripts import DOCS

ROOT = DOCS.parent
RELEASED = ROOT / "expected_results"
ORDINARY = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
"""How the page on the contract writes numbers that are small."""


def prose(page):
    """The text of a page, wherever its lines are broken."""
    return " ".join((ROOT / page).read_text().split())


def table_below(page, title):
    """The cells of the first table below a title: its head, and its rows."""
    lines = (ROOT / page).read_text().partition(f"\n## {title}\n")[2].splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("|"))
    end = next(number for number in range(begin, len(lines)) if not lines[number].startswith("|"))
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines[begin:end])
    return head, rows


def test_the_table_of_results_is_that_of_the_expected_values():
    expected = {each.cell: each.estimates["measured"] for each in read_expected(RELEASED / "smoke.yaml").cells}
    head, rows = table_below("README.md", "What you get")
    shown = {
        (criterion, growth, density): value
        for criterion, growth, *values in rows
        for density, value in zip(head[2:], values, strict=True)
        if value
    }
    assert shown == {
        (cell.criterion, cell.growth or "–", f"density {cell.density:g}"): f"{found.mean:.2f} ± {found.std:.2f}"
        for cell, found in expected.items()
    }
    (seeds,) = {found.n for found in expected.values()}
    assert f"mean ± standard deviation over {seeds} seeds" in prose("README.md")


@pytest.mark.parametrize(
    ("page", "experiment", "said"),
    [
        ("README.md", "fmnist-lenet300", "from {} runs that are kept"),
        ("README.md", "fmnist-cnn", "from {} runs, three seeds"),
        ("README.md", "fmnist-cnn", "{} runs of it are stored"),
        ("README.md", "fmnist-cnn-authors", "and {} of `fmnist-cnn-authors`"),
        ("docs/results.md", "fmnist-lenet300", "Stored are {} runs of each"),
        ("docs/results.md", "fmnist-lenet300-authors", "Stored are {} runs of each"),
        ("docs/results.md", "fmnist-cnn", "three of its five seeds, {} runs"),
    ],
)
def test_as_many_runs_are_stored_as_are_said_to_be(page, experiment, said):
    with lzma.open(RELEASED / f"{experiment}.runs.jsonl.xz") as archive:
        count = sum(1 for _ in archive)
    assert said.format(count) in prose(page)


def test_readme_says_of_injected_faults_what_the_page_on_the_contract_says():
    shown, named = re.search(r"Of the other (\d+) the contract names \*\*(\d+), or", prose("docs/contract.md")).groups()
    said = prose("README.md")
    assert f"Of {shown} faults that were put into right plugins" in said
    assert f"finds all, {named} by a right name" in said
    assert "None survives." in prose("docs/contract.md")


def test_readme_says_of_the_last_attack_what_the_page_on_the_contract_says():
    _, attacks = table_below("docs/contract.md", "Attacks by others")
    which, caught, _ = attacks[-1]
    found, broken = map(int, re.match(r"(\d+) of (\d+) ", caught).groups())
    missed, since = re.search(rf"Of the (\d+) of the {which}, (\w+) are named now", prose("docs/contract.md")).groups()
    assert int(missed) == broken - found
    said = prose("README.md")
    assert f"of {broken} broken plugins that others wrote last to get past it, it found {found} by a right name" in said
    mended = ORDINARY.index(since)
    assert (f"and {found + mended} since it was mended on these" in said) == (mended > 0)
