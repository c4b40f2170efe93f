"""The gate asks the other cores for help, and believes only what has passed."""

import time

import torch

from benchmark.experiments.cells import Cell
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.running import gate
from criteria.plugins import Spec


def test_other_cores_check_the_last_plugins_while_the_first_are_checked_here(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    runs = [run for run in expand(load_experiment("smoke")) if run.cell == Cell("magnitude", "random", 0.05)]

    def waits_for_the_growth(*_):
        until = time.monotonic() + 120
        while not gate._is_remembered(Spec("random"), "growth"):
            assert time.monotonic() < until
            time.sleep(0.05)

    monkeypatch.setattr(gate, "check_criterion", waits_for_the_growth)
    monkeypatch.setattr(gate, "check_growth", None)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert gate.require_contract(runs) == "contract: all 2 criteria, growths and schedules keep it"
        assert gate.require_contract(runs).endswith("(2 of them checked before)")
    finally:
        torch.set_num_threads(before)
