"""A spec is a value: written in one way, read back as itself, and refused in one line where it is none."""

import keyword
import os
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from criteria import InputError
from criteria.plugins import Spec
from criteria.plugins.spec import split_at_commas
from tests.criteria.layer_strategies import unhurried


def all_of(text: str) -> list[Spec]:
    """The specs of a text, which commas separate."""
    return [Spec.parse(part) for part in split_at_commas(text)]


plugin_names = st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,9}", fullmatch=True)
identifiers = st.from_regex(r"[a-z_][a-z0-9_]{0,9}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(scalars, max_size=3)
        | st.dictionaries(scalars, inner, max_size=3)
    ),
    max_leaves=8,
)
specs = st.builds(
    lambda name, parameters: Spec(name, tuple(parameters.items())),
    plugin_names,
    st.dictionaries(identifiers, values, max_size=3),
)


@unhurried
@given(specs)
def test_a_printed_spec_is_read_back_as_itself(spec):
    again = Spec.parse(str(spec))
    assert again == spec
    assert str(again) == str(spec)
    assert hash(again) == hash(spec)
    assert pickle.loads(pickle.dumps(spec)) == spec


@unhurried
@given(st.lists(specs, max_size=4))
def test_specs_have_one_order_and_a_list_of_them_is_split_where_they_end(found):
    shuffled = found[::-1]
    assert sorted(found) == sorted(shuffled)
    if found:
        assert all_of(", ".join(map(str, found))) == found


@unhurried
@given(st.dictionaries(identifiers, values, max_size=3))
def test_the_order_of_parameters_does_not_matter(parameters):
    pairs = tuple(parameters.items())
    assert Spec("name", pairs) == Spec("name", pairs[::-1])


def test_numbers_that_are_equal_and_written_differently_are_different_values():
    assert len({Spec("name", (("a", value),)) for value in (1, 1.0, True)}) == 3


def test_sets_and_dictionaries_are_written_the_same_in_every_process():
    """Python draws a new order for the texts of a set in each process."""
    code = (
        "from criteria.plugins import Spec;"
        "print(Spec('a', (('b', {'x', 'y', 'z', 'w'}), ('c', {'k': {'p', 'q', 'r'}, 'j': frozenset()}))))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
        ).stdout
        for seed in range(4)
    }
    assert said == {"a(b={'w', 'x', 'y', 'z'}, c={'j': set(), 'k': {'p', 'q', 'r'}})\n"}


@unhurried
@given(st.text() | st.from_regex(r"mest\(.*\)", fullmatch=True))
def test_any_text_is_a_spec_or_an_error_of_one_line(text):
    message = ""
    try:
        assert Spec.parse(Spec.parse(text).name)
        all_of(text)
    except InputError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize(
    "text",
    ["", "mest(lambda_=1", "mest()()", "mest)(", "a; b", "a b", "-a", ".a", "mest" + "(" * 500, "mest(a=1)+mest(b=2)",
     "mest(**{})", "mest(a=...)"],
)  # fmt: skip
def test_what_is_not_a_spec_is_refused(text):
    with pytest.raises(InputError, match="is not of the form name or name"):
        Spec.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "mest(lambda=0.1)",
            "'mest(lambda=0.1)': lambda is a word of Python, so no parameter can have that name; write lambda_",
        ),
        ("a(x=1, class='b')", "class is a word of Python, so no parameter can have that name; write class_"),
        ("mest(1)", "1 is given without the name of a parameter"),
        ("mest(lambda_=x)", "the value of 'lambda_' is not a number, a quoted text or a list"),
        ("mest(lambda_=1, lambda_=2)", "parameter 'lambda_' is given twice"),
    ],
)
def test_a_mistake_is_named(text, message):
    with pytest.raises(InputError) as error:
        Spec.parse(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_commas_in_brackets_and_quotes_separate_nothing():
    assert all_of("a, b(x=[1, 2], y='),('),c-d") == [
        Spec("a"),
        Spec("b", (("x", [1, 2]), ("y", "),("))),
        Spec("c-d"),
    ]
