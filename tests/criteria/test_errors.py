import pytest
from hypothesis import given
from hypothesis import strategies as st

from criteria.errors import one_line
from tests.criteria.layer_strategies import unhurried


@unhurried
@given(st.text(max_size=300), st.integers(1, 300))
def test_whatever_an_error_says_fits_one_printable_line_that_is_not_empty(text, most):
    line = one_line(RuntimeError(text), most)
    assert 1 <= len(line) <= most
    assert line.isprintable()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("no such host", "no such host"),
        ("sbatch: error: a\nsbatch: error: b\n", "sbatch: error: a sbatch: error: b"),
        ("a\0b", r"a\x00b"),
        ("", "OSError"),
        (" \n\t", "OSError"),
        ("9" * 201, "9" * 199 + "…"),
        ("9" * 200, "9" * 200),
    ],
)
def test_the_line_is_what_the_error_says_or_its_types_name(text, line):
    assert one_line(OSError(text)) == line
