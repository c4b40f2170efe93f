"""A signal that asks a command to end leaves a checkpoint and the signal's own status, and nothing is lost."""

import json
import os
import signal
from pathlib import Path

import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.running.journal import read_journal
from benchmark.running.workers import Worker
from benchmark.system import interruption
from tests.running.tiny import TINY

RUN = ["run", "tiny.yaml", "--no-contract", "--device", "cpu"]
FOLDER = Path("results/tiny")
STATUS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY | {"training": TINY["training"] | {"epochs": 3}}))


def outcomes():
    found = [json.loads(path.read_text()) for path in (FOLDER / "runs").glob("*.json")]
    return {result["id"]: result["outcome"] for result in found}


def signalled_at(monkeypatch, step, *names):
    """The process gets signals, one after another, in the middle of a step."""
    plain = Worker.at

    def at(worker, number, total):
        plain(worker, number, total)
        if number == step:
            for name in names:
                os.kill(os.getpid(), getattr(signal, name))

    monkeypatch.setattr(Worker, "at", at)


@pytest.mark.parametrize("name", STATUS)
def test_a_signal_ends_a_run_after_the_step_with_a_checkpoint_and_its_own_status(name, tiny, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        signalled_at(patch, 7, name)
        assert main(RUN) == STATUS[name]
    said = capsys.readouterr().err.splitlines()[-1]
    assert "the same command goes on from the last result and checkpoint" in said
    assert (name in said) == (name != "SIGINT")
    assert main(RUN) == 0
    assert [entry.step for entry in read_journal(FOLDER) if entry.event == "claimed"] == [0, 7]
    interrupted = outcomes()
    assert main([*RUN, "--results", "undisturbed"]) == 0
    whole = {path.stem: json.loads(path.read_text())["outcome"] for path in Path("undisturbed/tiny/runs").iterdir()}
    assert interrupted == whole


def test_a_second_signal_ends_at_once(tiny, monkeypatch, capsys):
    signalled_at(monkeypatch, 7, "SIGTERM", "SIGTERM")
    assert main(RUN) == 143
    assert not list((FOLDER / "checkpoints").glob("*.pt"))
    assert "SIGTERM" in capsys.readouterr().err


def test_a_signal_in_the_last_step_loses_no_training(tiny, monkeypatch):
    with monkeypatch.context() as patch:
        signalled_at(patch, 30, "SIGTERM")
        assert main(RUN) == 143
    monkeypatch.setattr("benchmark.running.resume.FleetTraining.steps", lambda _: iter(()))
    assert main(RUN) == 0
    assert len(outcomes()) == 8


def test_what_is_ignored_stays_ignored(monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with interruption.interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_of_steps_a_signal_interrupts_at_once():
    with pytest.raises(interruption.Interrupted) as interrupt, interruption.interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
    assert interruption.status_of(interrupt.value) == 143
    with interruption.interruptible(), interruption.ending_between_steps() as end_if_asked:
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.is_asked_to_end()
        with pytest.raises(interruption.Interrupted):
            end_if_asked()
    assert not interruption.is_asked_to_end()


@pytest.mark.parametrize("error", [None, ValueError("the step failed")])
def test_a_signal_in_the_last_step_is_not_lost_even_where_that_step_fails(error):
    def last_step():
        with interruption.interruptible(), interruption.ending_between_steps():
            os.kill(os.getpid(), signal.SIGTERM)
            if error is not None:
                raise error

    with pytest.raises(interruption.Interrupted) as interrupt:
        last_step()
    assert interruption.status_of(interrupt.value) == 143
