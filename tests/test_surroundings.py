"""What surrounds every test: folders that are empty but for what takes minutes, draws with a seed, and no colours."""

import os
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.running.gate import require_contract
from benchmark.system.user import cache_folder, kept_folder, log_folder
from tests.conftest import LOOKS, SEED
from tests.users_folders import link_what_is_slow


def test_tests_use_no_folder_of_whoever_runs_them(tmp_path_factory):
    for folder in (cache_folder(), log_folder(), kept_folder()):
        assert folder.is_relative_to(tmp_path_factory.getbasetemp())


def test_commands_in_tests_take_the_contract_of_what_is_shipped_as_kept():
    assert require_contract(expand(load_experiment("smoke"))).endswith("(8 of them checked before)")


def test_no_variable_of_whoever_runs_the_tests_says_how_output_looks():
    assert os.environ.keys().isdisjoint(LOOKS)


def test_of_a_users_cache_tests_see_data_and_compiled_code_alone(tmp_path):
    before, now = tmp_path / "user/dst-bench", tmp_path / "tests/dst-bench"
    for name in ("fashion-mnist", "contracts", "hypothesis"):
        (before / name).mkdir(parents=True)
    (before / "list.csv").touch()
    link_what_is_slow(before, now)
    assert {path.name for path in now.iterdir()} == {"fashion-mnist", "list.csv"}
    (now.parent / "numba/compiled").touch()
    assert (before.parent / "numba/compiled").exists()


@pytest.mark.parametrize("turn", [1, 2])
def test_draws_without_a_generator_are_the_same_whatever_ran_before(turn):
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(SEED)))
    assert np.random.random() == np.random.RandomState(SEED).random()
    assert random.random() == random.Random(SEED).random()


def test_hypothesis_tries_the_same_examples_each_time_and_none_is_late(pytestconfig):
    """A machine that stands still for a moment, and an example that only one run draws, would fail what is right."""
    if pytestconfig.getoption("--hypothesis-profile"):
        pytest.skip("other examples were asked for")
    tried = []

    @given(st.integers())
    def drawn(number):
        tried[-1].append(number)

    for _ in range(2):
        tried.append([])
        drawn()
    assert tried[0] == tried[1]
    assert settings().deadline is None
