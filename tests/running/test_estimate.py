"""How long a dry run says that a training takes."""

import time
from types import SimpleNamespace

import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.experiments.cost import total_steps
from benchmark.experiments.part import Part
from benchmark.experiments.runs import expand
from benchmark.running import estimate
from benchmark.running.estimate import HELD_OUT, TIMED_STEPS, estimate_seconds
from benchmark.running.plan import dataset_on
from benchmark.training import fleet_training
from benchmark.training.engines import replay
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


class Clock:
    """Time that passes only in steps, a second in each, and in evaluations."""

    EXAMPLE, COMPILING = 0.01, 1000.0
    """Seconds that an evaluation takes for each example, and that the first one takes beside."""

    def __init__(self, monkeypatch):
        self.now, self.compiled = 0.0, False
        train, evaluate = fleet_training.FleetTraining._train, estimate.evaluate

        def slow_step(*args):
            self.now += 1
            return train(*args)

        def slow_evaluation(engine, dataset, split, device):
            self.now += self.EXAMPLE * len(split.targets) + (0 if self.compiled else self.COMPILING)
            self.compiled = True
            return evaluate(engine, dataset, split, device)

        monkeypatch.setattr(fleet_training.FleetTraining, "_train", slow_step)
        for module in (fleet_training, estimate):
            monkeypatch.setattr(module, "evaluate", slow_evaluation)
        monkeypatch.setattr(estimate, "time", SimpleNamespace(perf_counter=lambda: self.now))


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_processes_that_share_the_work_share_the_time(tmp_path, clock):
    run = run_on("dense", tmp_path)
    alone, shared = (estimate_seconds([[run]], CPU, None, processes) for processes in (1, 2))
    assert shared == alone / 2
    assert alone >= total_steps(run.setup)


def test_an_evaluation_counts_once_an_epoch_and_twice_at_the_end(tmp_path, clock):
    run = run_on("dense", tmp_path)
    digits = dataset_on("digits", None, CPU)
    evaluated = run.setup.training.epochs * len(digits.validation.targets) + 2 * len(digits.test.targets)
    about = estimate_seconds([[run]], CPU, None)
    assert about == pytest.approx(total_steps(run.setup) + Clock.EXAMPLE * evaluated, rel=0.01)


def test_where_the_data_are_not_there_the_short_epochs_of_noise_do_not_count_for_those_of_the_data(tmp_path, clock):
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump({**TINY, "data": "higgs", "topology": {"update_period": 1000}}))
    run = expand(Part(criteria="static", seeds="1").select(str(path)))[0]
    about = estimate_seconds([[run]], CPU, tmp_path / "nowhere")
    evaluated = (run.setup.training.epochs + 2) * HELD_OUT * 658_112
    assert about == pytest.approx(total_steps(run.setup) + Clock.EXAMPLE * evaluated, rel=0.01)


def test_steps_count_where_an_epoch_of_noise_has_one(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(estimate, "MOST_NOISE", 1)
    path = tmp_path / "tiny.yaml"
    training = {**TINY["training"], "epochs": 1}
    path.write_text(yaml.safe_dump({**TINY, "data": "higgs", "training": training}))
    run = expand(Part(criteria="static", seeds="1").select(str(path)))[0]
    assert estimate_seconds([[run]], CPU, tmp_path / "nowhere") >= total_steps(run.setup)


def test_the_recording_of_a_graph_is_not_timed():
    assert estimate.WARM_UP["cuda"] > replay.WARM_UP


def test_what_does_not_fit_into_memory_is_not_tried(monkeypatch, capsys):
    monkeypatch.setattr("benchmark.running.estimate.psutil.virtual_memory", lambda: SimpleNamespace(available=2**33))
    assert main(["run", "imagenet-resnet50", "--dry-run"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "a step of one resnet50 with batches of 256 takes about 31 GiB of memory, and 8 GiB are free" in line
