"""Files of expected values: what is written is read back, and what is wrong is said in one line."""

import datetime
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.experiments.cells import Cell
from benchmark.verdicts.accepting import Evidence, accept, revised
from benchmark.verdicts.expected import Estimate, Source, expected_text, read_expected
from criteria.errors import InputError

MEASURED = Source(
    kind="measured", version="0.1.0", torch="2.11.0", device="cpu", date=datetime.date(2026, 3, 14), note="two cores"
)
PUBLISHED = Source(kind="published", reference="Table 2 of a paper")
MAGNITUDE = Cell("magnitude", "gradient", 0.05)
STATIC = Cell("static", None, 0.05)

EXAMPLE = """\
experiment: example
metric: test_accuracy_best
tolerance: 1.0
sources:
  measured: {kind: measured, version: 0.1.0, torch: 2.11.0, device: cpu, date: 2026-03-14}
  table2: {kind: published, reference: Table 2}
cells:
- criterion: magnitude
  growth: gradient
  density: 0.05
  measured: {mean: 85.79, std: 0.1637, n: 3, values: {1: 85.97, 2: 85.75, 3: 85.65}}
  table2: {mean: 85.6, n: 5}
- criterion: mest
  growth: random
  density: 0.1
  extra: {update_period: 25}
  measured: {mean: 84.0, n: 1, values: {1: 84.0}}
"""

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
words = text.filter(bool)
percent = st.floats(0, 100)
cells = st.builds(
    Cell,
    words,
    st.none() | words,
    st.floats(0, 1, exclude_min=True),
    st.dictionaries(words, words | st.integers() | percent, max_size=2).map(lambda extra: tuple(extra.items())),
)
seeds_and_values = st.dictionaries(st.integers(0, 10**6), percent, min_size=1, max_size=5)
sources = st.one_of(
    st.builds(Source, kind=st.just("published"), reference=text, note=st.none() | text, date=st.none() | st.dates()),
    st.builds(Source, kind=st.just("authors_code"), code=text, torch=st.none() | text),
)
samples = st.dictionaries(cells, seeds_and_values, min_size=1, max_size=4)


def accepted(path, found, **changes):
    settings = {"metric": "test_accuracy_best", "tolerance": 1.0, **changes}
    evidence = Evidence(found, settings.pop("provenance", MEASURED), settings.pop("name", "measured"))
    return accept(evidence, path, **settings)


@settings(deadline=None, max_examples=50)
@given(samples, samples, sources, sources, words, text)
def test_what_is_written_is_read_back_unchanged(found, others, provenance, other, name, metric):
    name = f"by {name}"
    about = {"experiment": "round trip", "metric": metric, "tolerance": 0.5}
    once = revised(None, Evidence(found, provenance), **about)
    twice = revised(once, Evidence(others, other, name), **about)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "round trip.yaml"
        path.write_text(expected_text(twice))
        assert read_expected(path) == twice


def test_a_file_written_by_hand_is_understood(tmp_path):
    path = tmp_path / "example.yaml"
    path.write_text(EXAMPLE)
    first, second = read_expected(path).cells
    assert first.cell == MAGNITUDE
    assert first.estimates == {
        "measured": Estimate(mean=85.79, std=0.1637, n=3, values={1: 85.97, 2: 85.75, 3: 85.65}),
        "table2": Estimate(mean=85.6, n=5),
    }
    assert second.cell == Cell("mest", "random", 0.1, (("update_period", 25),))


def test_a_date_is_written_as_people_write_it(tmp_path):
    path = tmp_path / "example.yaml"
    path.write_text(EXAMPLE)
    path.write_text(expected_text(read_expected(path)))
    assert "\n    date: 2026-03-14\n" in path.read_text()


def test_writing_what_was_read_gives_the_same_cells_line_by_line(tmp_path):
    path = tmp_path / "example.yaml"
    path.write_text(EXAMPLE)
    path.write_text(expected_text(read_expected(path)))
    written = path.read_text()
    assert (
        written.partition("cells:")[2]
        == EXAMPLE.replace("{update_period: 25}", "\n    update_period: 25")
        .replace("extra: \n", "extra:\n")
        .partition("cells:")[2]
    )


def test_accepting_replaces_what_was_measured_and_keeps_the_other_sources(tmp_path):
    path = tmp_path / "example.yaml"
    accepted(path, {MAGNITUDE: {1: 80.0, 2: 82.0}}, provenance=PUBLISHED, name="paper")
    accepted(path, {MAGNITUDE: {1: 81.0, 2: 81.5}})
    accepted(path, {MAGNITUDE: {1: 90.0, 2: 91.0}, STATIC: {1: 70.0}}, tolerance=2.0)
    stored = read_expected(path)
    assert stored.tolerance == 2.0
    assert stored.sources == {"paper": PUBLISHED, "measured": MEASURED}
    assert {cell.cell: {name: e.mean for name, e in cell.estimates.items()} for cell in stored.cells} == {
        MAGNITUDE: {"paper": 81.0, "measured": 90.5},
        STATIC: {"measured": 70.0},
    }


def test_a_new_value_changes_one_line_of_the_file(tmp_path):
    path = tmp_path / "example.yaml"
    accepted(path, {MAGNITUDE: {1: 80.0, 2: 82.0}, STATIC: {1: 70.0, 2: 71.0}})
    before = path.read_text().splitlines()
    accepted(path, {MAGNITUDE: {1: 80.0, 2: 82.0}, STATIC: {1: 70.0, 2: 72.0}})
    after = path.read_text().splitlines()
    assert len(after) == len(before)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 1


@pytest.mark.parametrize(
    ("found", "changes", "problem"),
    [
        ({STATIC: {1: 70.0}}, {}, "1 of the cells that 'measured' has values of were not run"),
        ({MAGNITUDE: {1: 80.0}}, {"metric": "test_accuracy_last"}, "they are test_accuracy_best, not"),
        ({MAGNITUDE: {1: float("nan")}}, {}, "magnitude · gradient · 0.05, seed 1: the metric must be between 0 and"),
        ({}, {}, "no result to store"),
        ({MAGNITUDE: {1: 80.0}}, {"name": "density"}, "'density' is a key of every cell"),
    ],
)
def test_accepting_what_would_lose_or_mix_values_is_refused_and_leaves_the_file_as_it_was(
    tmp_path, found, changes, problem
):
    path = tmp_path / "example.yaml"
    accepted(path, {MAGNITUDE: {1: 80.0, 2: 82.0}})
    before = path.read_bytes()
    with pytest.raises(InputError, match=problem) as error:
        accepted(path, found, **changes)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def changed(old, new):
    assert old in EXAMPLE
    return EXAMPLE.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "expected a mapping"),
        (b"[1, 2]", "expected a mapping"),
        (b"\x93NUMPY\x01\x00", "cannot be read"),
        (b"a\x00b", "not valid YAML"),
        (b"cells: !!python/object/apply:os.system [date]", "line 1"),
        (changed("metric: test_accuracy_best\n", ""), "metric: expected a value, found none"),
        (changed("tolerance: 1.0", "tolerance: 0"), "tolerance: expected a number above 0, found 0"),
        (changed("tolerance", "tolerence"), "did you mean 'tolerance'"),
        (changed("experiment: example", "experiment: other"), "holds values of 'other'"),
        (changed("tolerance: 1.0", "tolerance: [1.0"), "line 4: not valid YAML"),
        (changed("  growth: random\n", "  growth: random\n  growth: gradient\n"), "given twice"),
        (changed("growth: random", "growht: random"), "cells.1.*did you mean 'growth'"),
        (changed("mean: 85.79", "mean: high"), r"cells\.0\.measured\.mean"),
        (changed("mean: 85.79", "mean: 185.79"), r"cells\.0\.measured\.mean"),
        (changed("mean: 85.79", "mean: .nan"), r"cells\.0\.measured\.mean"),
        (changed("mean: 85.79, ", ""), r"cells\.0\.measured\.mean"),
        (changed("std: 0.1637", "sd: 0.1637"), r"cells\.0\.measured\.sd"),
        (changed("std: 0.1637", "std: -1"), r"cells\.0\.measured\.std"),
        (changed("n: 3", "n: 0"), r"cells\.0\.measured\.n"),
        (changed("n: 3", "n: true"), r"cells\.0\.measured\.n"),
        (changed("2: 85.75", "two: 85.75"), r"cells\.0\.measured\.values"),
        (changed("n: 1", "std: 0.2, n: 1"), r"cells\.1\.measured.*std must be left out for n = 1"),
        (changed("density: 0.1", "density: 10"), "cells.1.*above 0 and at most 1"),
        (changed("table2: {mean", "table3: {mean"), "'table3' is not among the sources, which are: measured, table2"),
        (changed("  table2: {mean: 85.6, n: 5}", "  table2: 85.6"), "cells.0: .*unknown key of a cell 'table2'"),
        (changed("kind: published, reference: Table 2", "kind: published"), "also needs: reference"),
        (changed("date: 2026-03-14", "date: lately"), r"sources\.measured\.date"),
        (changed("kind: published", "kind: hearsay"), r"sources\.table2\.kind"),
        (EXAMPLE.encode() + EXAMPLE.partition("cells:\n")[2].encode(), "magnitude · gradient · 0.05 is given twice"),
        (EXAMPLE.encode() + b"- {criterion: set, density: 0.1}\n", "set · 0.1 has no estimate"),
    ],
)
def test_a_file_with_a_mistake_is_refused_in_one_line_with_file_and_place(tmp_path, content, place):
    path = tmp_path / "example.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=place) as error:
        read_expected(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message


def test_a_file_cut_anywhere_is_refused_or_gives_nothing_that_it_did_not_hold(tmp_path):
    path = tmp_path / "example.yaml"
    path.write_text(EXAMPLE)
    whole = {(c.cell, name): e for c in read_expected(path).cells for name, e in c.estimates.items()}
    refused = 0
    for length in range(len(EXAMPLE)):
        path.write_text(EXAMPLE[:length])
        try:
            found = read_expected(path)
        except InputError:
            refused += 1
        else:
            for stored in found.cells[:-1]:
                assert all(whole[stored.cell, name] == estimate for name, estimate in stored.estimates.items())
    assert refused > 0.9 * len(EXAMPLE)
