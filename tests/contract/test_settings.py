"""Every setting of the process is noticed when it changes, and is set back."""

import functools
import gc
import logging
import os
import random
import socket
import sys
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch

from criteria.contract import ContractError
from criteria.contract.checks import checks_of
from criteria.contract.replaced import functions_now, replaced
from criteria.contract.settings import SETTINGS, _equal, changed, contained, set_otherwise, settings_now
from criteria.pruning.running_magnitude import RunningMagnitude

CHANGES: dict[str, Callable[[], object]] = {
    "torch's global random state": lambda: torch.default_generator.manual_seed(7),
    "numpy's global random state": lambda: np.random.seed(7),
    "Python's global random state": lambda: random.seed(7),
    "the default dtype": lambda: torch.set_default_dtype(torch.float64),
    "the default device": lambda: torch.set_default_device("meta"),
    "the grad mode": lambda: torch.set_grad_enabled(not torch.is_grad_enabled()),
    "the number of threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "the deterministic mode": lambda: torch._C._set_deterministic_algorithms(True, warn_only=True),
    "whether denormal numbers are zero": lambda: torch.set_flush_denormal(True),
    "the precision of matrix products": lambda: torch.set_float32_matmul_precision("medium"),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "the flags of cuDNN": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "the detection of anomalies": lambda: torch.set_anomaly_enabled(True),
    "numpy's error state": lambda: np.seterr(all="print"),
    "the warning filters": lambda: warnings.simplefilter("always", EncodingWarning),
    "the environment": lambda: os.environ.update(SEEN_BY_THE_CONTRACT="1"),
    "the working directory": lambda: os.chdir("/"),
    "the recursion limit": lambda: sys.setrecursionlimit(4321),
    "the search path of modules": lambda: sys.path.insert(0, "/nowhere"),
    "the garbage collector": gc.disable,
    "the garbage collector's thresholds": lambda: gc.set_threshold(5),
    "the timeout of sockets": lambda: socket.setdefaulttimeout(77.0),
    "the level and the handlers of logging": lambda: logging.disable(logging.CRITICAL),
    "how tensors are printed": lambda: torch.set_printoptions(precision=2),
    "how arrays are printed": lambda: np.set_printoptions(precision=2),
}
if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
    CHANGES["the processors that it may use"] = lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@pytest.mark.parametrize("setting", CHANGES)
def test_a_setting_that_changes_is_named_and_set_back(setting: str) -> None:
    before = settings_now()
    with contained():
        CHANGES[setting]()
        assert setting in changed(before)
    assert changed(before) == []


def test_settings_can_be_set_otherwise_and_back() -> None:
    before = settings_now()
    with contained():
        set_otherwise(5)
        assert len(changed(before)) >= 10
    assert changed(before) == []
    assert before.keys() == SETTINGS.keys()


def test_states_of_several_devices_are_compared_tensor_by_tensor():
    """As torch gives the random states of CUDA devices: a list of one tensor each."""
    states = [torch.arange(16), torch.arange(3)]
    assert _equal([each.clone() for each in states], states)
    assert not _equal([states[0], states[1] + 1], states)
    assert not _equal(states[:1], states)


def test_a_function_of_a_library_that_a_plugin_replaces_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    before = functions_now()
    monkeypatch.setattr(torch, "argsort", functools.partial(torch.argsort, stable=True))
    monkeypatch.setattr(np.random, "rand", lambda: 0.5)
    assert replaced(before, __name__) == ["torch.argsort", "numpy.random.rand"]


def test_a_function_that_a_library_replaces_itself_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    before = functions_now()
    monkeypatch.setattr(torch, "manual_seed", torch.random.fork_rng)
    assert replaced(before, __name__) == []


@pytest.mark.parametrize("seed", [0, 1, 42])
@pytest.mark.parametrize("method", ["observe", "score", "select", "state_dict", "load_state_dict"])
def test_a_call_that_seeds_as_people_do_is_noticed(method: str, seed: int) -> None:
    def seeding(self: RunningMagnitude, *arguments: object) -> object:
        torch.manual_seed(seed)
        return getattr(RunningMagnitude, method)(self, *arguments)

    plugin = type("Seeds", (RunningMagnitude,), {method: seeding})()
    [check] = [each for each in checks_of(plugin) if each.name == "pure"]
    with contained(), pytest.raises(ContractError, match="torch's global random state"):
        check(plugin, max_examples=1)
