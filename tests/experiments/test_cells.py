"""Cells: the names that tables, files and verdicts share."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.experiments.cells import Cell
from criteria.errors import InputError

names = st.text(min_size=1, max_size=20)
values = (
    st.booleans() | st.text(max_size=5) | st.integers(-1000, 1000) | st.floats(allow_nan=False, allow_infinity=False)
)
cells = st.builds(
    Cell,
    names,
    st.none() | names,
    st.floats(0, 1, exclude_min=True),
    st.dictionaries(names, values, max_size=3).map(lambda extra: tuple(extra.items())),
)


@settings(deadline=None)
@given(cells)
def test_a_cell_written_as_a_mapping_is_read_back_as_itself(cell):
    assert Cell.from_mapping(cell.to_mapping()) == cell


@settings(deadline=None)
@given(st.lists(cells), st.randoms())
def test_any_cells_can_be_sorted_whatever_their_axes_and_from_any_order(found, random):
    shuffled = random.sample(found, len(found))
    assert sorted(shuffled) == sorted(found)


def test_the_order_of_further_axes_does_not_matter():
    one = Cell("snip", "random", 0.1, (("update_period", 25), ("scope", "global")))
    other = Cell("snip", "random", 0.1, (("scope", "global"), ("update_period", 25)))
    assert one == other
    assert hash(one) == hash(other)


def test_a_cell_reads_as_criterion_growth_density_and_further_axes():
    cell = Cell("mest(lambda_=0.1)", "gradient", 0.05, (("update_period", 25),))
    assert str(cell) == "mest(lambda_=0.1) · gradient · 0.05 · update_period=25"
    assert cell.label == "mest(lambda_=0.1) · gradient · update_period=25"
    assert str(Cell("static", None, 0.05)) == "static · 0.05"
    assert str(Cell("dense", None, 1)) == "dense · 1.0"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"criterion": "snip"}, "needs a density"),
        ({"density": 0.1}, "needs a criterion"),
        ({"criterion": "snip", "density": 0.1, "growht": "random"}, "did you mean 'growth'"),
        ({"criterion": "", "density": 0.1}, "criterion of a cell must be a name"),
        ({"criterion": "snip", "growth": "", "density": 0.1}, "growth of a cell must be a name"),
        ({"criterion": "snip", "density": 0}, "above 0 and at most 1"),
        ({"criterion": "snip", "density": 1.5}, "above 0 and at most 1"),
        ({"criterion": "snip", "density": float("nan")}, "above 0 and at most 1"),
        ({"criterion": "snip", "density": True}, "above 0 and at most 1"),
        ({"criterion": "snip", "density": "5%"}, "above 0 and at most 1"),
        ({"criterion": "snip", "density": 0.1, "extra": 3}, "must be a mapping of axes to values"),
        (
            {"criterion": "snip", "density": 0.1, "extra": {"period": None}},
            "must be a number, a text, or true or false",
        ),
    ],
)
def test_what_names_no_cell_is_refused_in_one_line(content, problem):
    with pytest.raises(InputError, match=problem) as error:
        Cell.from_mapping(content)
    assert "\n" not in str(error.value)
