import keyword
from importlib.metadata import EntryPoint

import pytest
from hypothesis import given
from hypothesis import strategies as st

import criteria
from criteria import InputError, plugins
from criteria.plugins import Spec, load, parse, resolve
from tests.criteria.layer_strategies import unhurried

identifiers = st.from_regex(r"[a-z_][a-z0-9_]{0,9}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name))
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


def one_line(error):
    return "\n" not in str(error.value)


@unhurried
@given(identifiers, st.dictionaries(identifiers, values, max_size=3))
def test_a_printed_spec_is_read_back_as_itself(name, parameters):
    spec = Spec(name, tuple(sorted(parameters.items())))
    assert parse(str(spec)) == spec


@unhurried
@given(st.text() | st.from_regex(r"mest\(.*\)", fullmatch=True))
def test_any_text_is_a_spec_or_an_error_of_one_line(text):
    message = ""
    try:
        assert parse(text).name.isidentifier()
    except InputError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize(
    "text", ["", "mest(1)", "mest(lambda_=x)", "mest(**{})", "mest(lambda_=1", "a.b", "mest()()", "a; b", "(" * 500]
)
def test_what_is_not_a_spec_is_refused_in_one_line(text):
    with pytest.raises(InputError, match="is not of the form") as error:
        parse(text)
    assert one_line(error)


@unhurried
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_resolving_is_canonical_and_changes_nothing_the_second_time(value):
    spec = resolve(f"mest(lambda_={value!r})")
    assert spec == (Spec("mest") if value == 1 else Spec("mest", (("lambda_", value),)))
    assert resolve(str(spec)) == spec
    assert load(spec).lambda_ == value


@pytest.mark.parametrize("name", criteria.names())
def test_every_criterion_is_its_own_canonical_spec(name):
    assert resolve(f" {name}() ") == Spec(name)
    assert type(load(name)) is type(load(resolve(name)))


def test_the_same_parameter_written_differently_is_the_same_spec():
    assert resolve("mest(lambda_=2)") == resolve("mest(lambda_=2.0)") == resolve("mest( lambda_ = 20e-1 )")
    assert resolve("mest(lambda_=1)") == resolve("mest")


@pytest.mark.parametrize(
    ("kind", "name", "near"),
    [
        ("criterion", "magnitud", "magnitude"),
        ("criterion", "snip_hlaf", "snip_half"),
        ("growth", "momentun", "momentum"),
    ],
)
def test_a_misspelt_name_is_told_the_nearest(kind, name, near):
    with pytest.raises(InputError, match=f"^unknown {kind} '{name}'; did you mean '{near}'\\?$"):
        load(name, kind)


def test_a_name_like_no_other_is_told_what_there_is():
    with pytest.raises(InputError, match=r"^unknown growth 'qqqqqq'; known: gradient, momentum, random$"):
        load("qqqqqq", "growth")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("mest(lamda=1)", "criterion 'mest' has no parameter 'lamda'; it has: lambda_"),
        ("magnitude(beta=1)", "criterion 'magnitude' has no parameter 'beta'; it has: none"),
        ("running_snip(of=1)", "criterion 'running_snip' has no parameter 'of'; it has: beta"),
        ("mest(lambda_='1')", "criterion 'mest': parameter lambda_ takes a float, not '1'"),
        ("mest(lambda_=True)", "criterion 'mest': parameter lambda_ takes a float, not True"),
        ("mest(lambda_=None)", "criterion 'mest': parameter lambda_ takes a float, not None"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_would_be_right(spec, message):
    for use in (load, resolve):
        with pytest.raises(InputError) as error:
            use(spec)
        assert str(error.value) == message


def test_parameters_can_be_given_by_keyword():
    assert load("mest", lambda_=0.1) == load("mest(lambda_=0.1)")
    assert load("mest(lambda_=0.1)", lambda_=3).lambda_ == 3.0


def installed(monkeypatch, *points):
    """Plugins as if other distributions had installed them as criteria."""
    points = [EntryPoint(name, value, "dst_bench.criteria") for name, value in points]
    monkeypatch.setattr(plugins, "entry_points", lambda **_: points)
    plugins._load_class.cache_clear()


@pytest.fixture(autouse=True)
def forget_classes():
    yield
    plugins._load_class.cache_clear()


def test_a_name_that_two_distributions_claim_is_refused(monkeypatch):
    installed(monkeypatch, ("mine", "criteria.pruning.snip:SNIP"), ("mine", "criteria.pruning.mest:MEST"))
    with pytest.raises(
        InputError, match=r"'mine' is registered twice, as criteria.pruning.snip:SNIP and criteria.pruning.mest:MEST"
    ):
        load("mine")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no_such_package:Mine", r"criterion 'mine' \(no_such_package:Mine\) cannot be imported: ModuleNotFoundError"),
        (
            "criteria.pruning.snip:Missing",
            r"criterion 'mine' \(criteria.pruning.snip:Missing\) cannot be imported: AttributeError",
        ),
        ("criteria.selection:lowest", r"criterion 'mine' \(criteria.selection:lowest\) is not a class"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_named_with_where_it_comes_from(monkeypatch, value, message):
    installed(monkeypatch, ("mine", value))
    with pytest.raises(InputError, match=message) as error:
        load("mine")
    assert one_line(error)
