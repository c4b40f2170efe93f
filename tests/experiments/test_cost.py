"""What listing experiments says that they cost is what building their networks counts."""

import json

import pytest

from benchmark.data import source_of
from benchmark.experiments.cost import KNOWN, counted_forward_flops, flops_key, flops_per_example
from benchmark.experiments.experiment import experiment_files, load_experiment
from benchmark.experiments.runs import expand


def networks(name):
    """The key, and what it stands for, of every network of an experiment."""
    found = {}
    for run in expand(load_experiment(name)):
        look = source_of(run.setup.data).look
        asked = json.dumps(run.setup.model), look.shape, look.classes
        found[flops_key(*asked)] = asked
    return found


@pytest.fixture(scope="module")
def shipped():
    found = {}
    for name in experiment_files():
        found |= networks(name)
    return found


def test_every_network_of_the_paper_is_known_and_costs_what_counting_gives(shipped):
    known = json.loads(KNOWN.read_text())
    assert known.keys() == shipped.keys()
    for key, asked in shipped.items():
        assert known[key] == counted_forward_flops(*asked), key


def test_a_network_that_is_not_known_is_counted():
    setup = load_experiment("smoke", ["model.widths=[7]"]).setups[0][1]
    assert flops_per_example(setup) == 3 * 2 * (64 * 7 + 7 * 10)
