"""Numbers are what they look like: YAML 1.2's, and never a text or a switch that is taken for one."""

import math
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmark.experiments.experiment import load_experiment
from benchmark.system.yamlfile import parse_yaml
from benchmark.verdicts.expected import _Dumper
from criteria.errors import InputError
from tests.experiments.test_experiment import SMALL, changed, written


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3), ("1E5", 1e5), ("-2e+1", -20.0), ("1.", 1.0), (".5", 0.5), ("+.5e1", 5.0), ("0o17", 15),
        ("0x1F", 31), ("017", 17), ("-0", 0), ("1_000", "1_000"), ("12:30", "12:30"), ("1:30.5", "1:30.5"),
        ("yes", "yes"), ("No", "No"), ("on", "on"), ("y", "y"), ("0b11", "0b11"), ("2026-01-02", "2026-01-02"),
        ("<<", "<<"), ("=", "="), ("true", True), ("FALSE", False), ("~", None), ("", None), ("null", None),
        (".inf", math.inf), ("-.INF", -math.inf), ("1e", "1e"), ("e1", "e1"), ("--1", "--1"), ("0o8", "0o8"),
    ],
)  # fmt: skip
def test_plain_values_are_those_of_yaml_1_2(text, value):
    found = parse_yaml(text, "here")
    assert (type(found), found) == (type(value), value)


@given(st.floats(allow_nan=False) | st.integers(-(10**99), 10**99) | st.booleans() | st.none() | st.text(max_size=8))
def test_what_is_written_reads_back_as_what_it_was(value):
    found = parse_yaml(yaml.dump([value], Dumper=_Dumper, allow_unicode=True), "here")
    assert (type(found[0]), found) == (type(value), [value])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_python_writes_it_is_that_number(value):
    assert parse_yaml(repr(value), "here") == value


@pytest.mark.parametrize("text", ["1e-3", "0.001", "1.0e-3", ".001", "1E-3"])
def test_a_learning_rate_may_be_written_in_any_usual_way(tmp_path, text):
    path = written(tmp_path, yaml.safe_dump(SMALL).replace("learning_rate: 0.1", f"learning_rate: {text}"))
    from_file, from_outside = load_experiment(path), load_experiment(path, [f"training.learning_rate={text}"])
    assert {from_file.setups[0][1].training.learning_rate, from_outside.setups[0][1].training.learning_rate} == {1e-3}


@pytest.mark.parametrize(
    "setting",
    [
        "training.epochs=true", "training.epochs='5'", "training.epochs=1_000", "training.epochs=12:30",
        "training.epochs=yes", "training.epochs=2.0", "training.batch_size=false", "training.learning_rate=true",
        "training.learning_rate='1e-3'", "training.nesterov=yes", "training.nesterov=1", "training.momentum=true",
        "training.milestones=[true, false]", "training.milestones=['0.5']", "training.warmup_epochs=true",
        "training.label_smoothing=false", "topology.update_period=true", "topology.prune_fraction.start=true",
        "topology.prune_fraction.end='0'", "axes.seeds=[true]", "axes.seeds=['1']", "axes.densities=[true]",
        "axes.densities=['0.1']", "tolerance=true", "tolerance='1'", "measure.jaccard.every=true",
        "measure.jaccard.fractions=[true]", "training.weight_decay=1e400", "training.learning_rate=.inf",
        "training.learning_rate=1e39", "training.weight_decay=1e39", "training.milestones=[-1]",
    ],
)  # fmt: skip
def test_a_switch_or_a_text_is_no_number_and_the_place_is_named(tmp_path, setting):
    path = written(tmp_path, changed("measure", {"jaccard": {"criteria": ["snip", "mest"]}}))
    place = setting.partition("=")[0].rpartition(".")[0] or setting.partition("=")[0]
    with pytest.raises(InputError, match=re.escape(place)) as error:
        load_experiment(path, [setting])
    assert "\n" not in str(error.value)
