"""What surrounds every test: folders of the user that are empty but for what takes minutes, and draws with a seed."""

import random

import numpy as np
import pytest
import torch

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.running.gate import require_contract
from benchmark.system.user import cache_folder, kept_folder, log_folder
from tests.conftest import SEED
from tests.users_folders import link_what_is_slow


def test_tests_use_no_folder_of_whoever_runs_them(tmp_path_factory):
    for folder in (cache_folder(), log_folder(), kept_folder()):
        assert folder.is_relative_to(tmp_path_factory.getbasetemp())


def test_commands_in_tests_take_the_contract_of_what_is_shipped_as_kept():
    assert require_contract(expand(load_experiment("smoke"))).endswith("(8 of them checked before)")


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
