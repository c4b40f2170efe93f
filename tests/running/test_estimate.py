"""How long a dry run says that a training takes."""

import time
from types import SimpleNamespace

import yaml

from benchmark.commands.cli import main
from benchmark.experiments.cost import total_steps
from benchmark.experiments.part import Part
from benchmark.experiments.runs import expand
from benchmark.running.plan import TIMED_STEPS, estimate_seconds
from benchmark.training.engines.sparse.networks import SparseNetworks
from tests.running.tiny import TINY
from tests.training.small_fleets import CPU

SECONDS = 0.2
"""That the sparse engine sleeps before it computes the steps that it was asked for."""


def run_on(engine, folder):
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**TINY, "topology": {"update_period": 1000}}))
    asked = expand(Part(criteria="magnitude", seeds="1").select(str(path)))
    return next(run.on(engine) for run in asked if run.cell.growth is not None)


def test_steps_that_an_engine_was_only_asked_for_are_waited_for(tmp_path, monkeypatch):
    finish = SparseNetworks.finish

    def sleepy(self):
        if self._waiting:
            time.sleep(SECONDS)
        finish(self)

    monkeypatch.setattr(SparseNetworks, "finish", sleepy)
    run = run_on("sparse", tmp_path)
    assert estimate_seconds([[run]], CPU, None) >= SECONDS / TIMED_STEPS * total_steps(run.setup)


def test_processes_that_share_the_work_share_the_time(tmp_path, monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("benchmark.running.plan.time", type("Clock", (), {"perf_counter": lambda: float(next(clock))}))
    run = run_on("dense", tmp_path)
    alone, shared = (estimate_seconds([[run]], CPU, None, processes) for processes in (1, 2))
    assert shared == alone / 2 == total_steps(run.setup) / TIMED_STEPS / 2


def test_what_does_not_fit_into_memory_is_not_tried(monkeypatch, capsys):
    monkeypatch.setattr("benchmark.running.plan.psutil.virtual_memory", lambda: SimpleNamespace(available=2**33))
    assert main(["run", "imagenet-resnet50", "--dry-run"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "a step of one resnet50 with batches of 256 takes about 31 GiB of memory, and 8 GiB are free" in line
