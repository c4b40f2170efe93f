"""Helpers train beside the process that starts them: the results are the same, and none outlives what it was for."""

import io
import json
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from benchmark.commands.cli import main
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.runs import expand
from benchmark.running import helpers, sharing
from benchmark.running.holds import seen_workers
from benchmark.running.journal import read_journal
from benchmark.running.options import Options
from benchmark.running.workers import Worker
from benchmark.system import child
from tests.running.tiny import TINY

RUN = ["run", "tiny.yaml", "--no-contract", "--device", "cpu"]
FOLDER = Path("results/tiny")
PATIENCE = 600.0
"""Seconds in which a process that has been started takes something."""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY))


@pytest.fixture
def started(monkeypatch):
    """The helpers that were started."""
    found = []
    plain = child.subprocess.Popen

    def noted(command, *arguments, **options):
        process = plain(command, *arguments, **options)
        if "helper_process" in str(command):
            found.append(process)
        return process

    monkeypatch.setattr(child.subprocess, "Popen", noted)
    return found


def outcomes(folder=FOLDER):
    found = [json.loads(path.read_text()) for path in (folder / "runs").glob("*.json")]
    return {result["id"]: result["outcome"] for result in found}


def at_first_step(monkeypatch, deed):
    """What this process does in the first step of its first fleet."""
    plain, done = Worker.at, []

    def at(worker, step, total):
        if not done:
            done.append(True)
            deed()
        plain(worker, step, total)

    monkeypatch.setattr(Worker, "at", at)


def wait_for_hold(helper):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if any(entry.event == "claimed" and f"-{helper.pid}-" in entry.worker for entry in read_journal(FOLDER)):
            return
        time.sleep(0.01)
    pytest.fail("the helper takes nothing")


def test_a_helper_trains_half_of_the_runs_and_the_results_are_the_same(tiny, started, monkeypatch):
    with monkeypatch.context() as patch:
        at_first_step(patch, lambda: wait_for_hold(started[0]))
        assert main([*RUN, "--processes", "2"]) == 0
    assert [helper.returncode for helper in started] == [0]
    by_worker = {entry.worker: entry.runs for entry in read_journal(FOLDER) if entry.event == "stored"}
    assert sorted(map(len, by_worker.values())) == [4, 4]
    assert not seen_workers(FOLDER, time.time())
    assert main([*RUN, "--processes", "1", "--results", "alone"]) == 0
    assert outcomes() == outcomes(Path("alone/tiny"))


def test_what_a_helper_that_dies_had_to_do_is_done_all_the_same(tiny, started, monkeypatch, capsys):
    at_first_step(monkeypatch, lambda: started[0].send_signal(signal.SIGKILL))
    assert main([*RUN, "--processes", "2"]) == 0
    assert len(outcomes()) == 8
    assert f"a helper (process {started[0].pid}) ended with status -9" in capsys.readouterr().err


def test_what_a_helper_that_dies_last_had_to_do_is_done_also_where_nobody_else_is_waited_for(
    tiny, started, monkeypatch, capsys
):
    def held_up():
        wait_for_hold(started[0])
        started[0].send_signal(signal.SIGSTOP)

    monkeypatch.setattr(sharing, "_tell_who_trains", lambda *_: started[0].kill())  # all else is done by then
    at_first_step(monkeypatch, held_up)
    assert main([*RUN, "--processes", "2", "--no-wait"]) == 0
    assert len(outcomes()) == 8


def test_helpers_end_when_the_process_that_started_them_is_interrupted(tiny, started, monkeypatch, capsys):
    def interrupted():
        wait_for_hold(started[0])
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        at_first_step(patch, interrupted)
        assert main([*RUN, "--processes", "2"]) == 143
    assert started[0].returncode is not None
    assert capsys.readouterr().err.splitlines()[-1].startswith("dst-bench: interrupted by SIGTERM")
    assert main([*RUN, "--processes", "1"]) == 0
    assert len(outcomes()) == 8


class Asked:
    """A helper that notes when it is asked to end, and when it is waited for."""

    returncode, pid, stdout = 0, 1, io.BytesIO()

    def __init__(self, notes):
        self.notes, self.stdin = notes, self

    def close(self):
        self.notes.append("asked")

    def wait(self):
        self.notes.append("waited")
        return 0


def test_all_helpers_are_asked_to_end_before_any_is_waited_for(monkeypatch):
    """Each does its present step first: one after the other they would take as many steps as they are."""
    notes, progress = [], SimpleNamespace(beside=lambda *_: None, gone=lambda _: None, say=lambda _: None)
    monkeypatch.setattr(child, "start", lambda *_: Asked(notes))
    task = helpers.HelperTask([], None, Options(), {})
    with pytest.raises(KeyboardInterrupt), helpers.helped(3, task, progress):
        raise KeyboardInterrupt
    assert notes[:3] == ["asked"] * 3
    assert notes.count("waited") == 3


def test_the_cores_are_shared_out_while_helpers_work_and_given_back(tiny, started, monkeypatch):
    before, seen = torch.get_num_threads(), []
    try:
        torch.set_num_threads(4)
        at_first_step(monkeypatch, lambda: (seen.append(torch.get_num_threads()), started[0].kill()))
        assert main([*RUN, "--processes", "2", "--seeds", "1", "--set", "training.epochs=1"]) == 0
        assert (seen, torch.get_num_threads()) == ([2], 4)
    finally:
        torch.set_num_threads(before)


def test_helpers_are_started_where_there_are_cores_and_work_for_them(monkeypatch):
    cpu, gpu, smoke = torch.device("cpu"), torch.device("cuda"), expand(load_experiment("smoke"))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert helpers.helpers_worth(smoke, cpu, Options()) == 3
    assert helpers.helpers_worth(smoke[:2], cpu, Options()) == 0  # it takes a moment
    assert helpers.helpers_worth(smoke[:2], cpu, Options(processes=6)) == 1  # no more processes than runs
    assert helpers.helpers_worth(smoke, gpu, Options()) == 0
    assert helpers.helpers_worth(smoke, cpu, Options(processes=1)) == 0
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    assert helpers.helpers_worth(smoke, cpu, Options()) == helpers.MOST - 1
