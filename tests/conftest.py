"""Settings of the whole suite, and what it prints after the tests: which property named which planted bug."""

import gc
import os
import random

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from tabulate import tabulate

from benchmark.system.arithmetic import settle_arithmetic
from tests.installed import site  # noqa: F401
from tests.users_folders import users_folders  # noqa: F401

settle_arithmetic()
os.environ["GOMP_SPINCOUNT"] = "0"  # what a test times must not let the threads of later tests spin

os.environ["DST_BENCH_RESULTS"] = "results"
"""Of the folder that a test runs in: no test may touch the results of the user who runs it."""
LONGEST = ("test_example_plugin.py", "test_example_of_each.py", "test_bits.py", "test_kills.py", "test_rehearsal.py")
ONE_WORKER = (
    "test_as_the_benchmark.py",
    "test_checkpoint.py",
    "test_circumstances.py",
    "test_example_plugin.py",
    "test_first_screen.py",
    "test_memory.py",
    "test_own_criterion.py",
    "test_parallel.py",
    "test_pytest_plugin.py",
    "test_quick.py",
    "test_report_files.py",
    "test_sharing.py",
    "test_uneven.py",
)
"""Files whose tests share what takes seconds to make: another worker would make it once more."""
settings.register_profile(
    "suite", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
"""As Hypothesis does by itself where CI is set: the same examples each time, none of which is late on a busy machine.

``--hypothesis-profile default`` draws others.
"""
torch.set_num_threads(1)  # xdist uses the cores; two threads on a busy core wait for each other


SEED = 20_311_107
"""Of every test: one that no plugin sets, as a plugin that seeds by it would change nothing."""


LOOKS = ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES")
"""Variables by which a user or a machine for CI says how output is to look."""


@pytest.fixture(scope="session", autouse=True)
def output_looks_as_everywhere():
    """Tests read what is said, which has no colours and lines of the usual length wherever they run."""
    with pytest.MonkeyPatch.context() as patch:
        for name in LOOKS:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def same_draws_whatever_ran_before():
    """Tests that draw without a generator of their own draw the same alone, in any order and in any worker."""
    torch.manual_seed(SEED)
    np.random.seed(SEED)
    random.seed(SEED)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("cuda") is not None and not torch.cuda.is_available():
        pytest.skip("it needs a CUDA device, and torch finds none here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes a minute begins first, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
    for item in items:
        if item.path.name in ONE_WORKER:
            item.add_marker(pytest.mark.xdist_group(item.path.name))  # as --dist loadgroup reads it


def pytest_collection_finish() -> None:
    """All that was collected stays: each pass of the garbage collector over it would take half a second."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    caught = {
        tuple(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        for key, value in getattr(report, "user_properties", ())
        if key == "caught"
    }
    if caught:
        terminalreporter.section(f"{len(caught)} planted bugs, each caught under the name of the property it breaks")
        terminalreporter.write_line(tabulate(sorted(caught), headers=("the property", "names the bug")))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=1, help="how many seeds the attack on the contract is tried with")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "attack_seed" in metafunc.fixturenames:
        metafunc.parametrize("attack_seed", range(metafunc.config.getoption("--seeds")))
