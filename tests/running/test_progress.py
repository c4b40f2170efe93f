"""The line of a long training: how much is done, and how long the rest takes at the speed of this process."""

import io
import os
import signal
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from rich.console import Console

from benchmark.running import progress as progress_module
from benchmark.running.progress import Progress
from benchmark.system.interruption import Interrupted


@pytest.fixture
def clock(monkeypatch):
    """The time that progress sees, in seconds; tests set it."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(progress_module, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    monkeypatch.setattr(progress_module, "PLAIN_INTERVAL", 0.0)
    return now


@pytest.fixture
def lines(clock):
    """Progress of 10 runs, and the lines that it has said."""
    said = io.StringIO()
    return Progress(10, Console(file=said, soft_wrap=True)), lambda: said.getvalue().splitlines()


def test_the_time_left_is_at_the_speed_of_the_steps(lines, clock):
    progress, said = lines
    on_step = progress.fleet(10)
    for step in range(1, 51):
        clock.seconds = step
        on_step(step, 100)
    assert said()[-1] == "0 of 10 runs (50%) · 10 steps/s · 50 s gone · 50 s left"


def test_what_a_checkpoint_brought_does_not_count_as_speed(lines, clock):
    progress, said = lines
    on_step = progress.fleet(10)
    for seconds, step in enumerate(range(81, 91)):
        clock.seconds = seconds
        on_step(step, 100)
    assert said()[-1] == "0 of 10 runs (90%) · 11 steps/s · 9 s gone · 10 s left"


def test_what_a_checkpoint_brought_to_a_helper_does_not_count_as_speed(lines, clock):
    progress, said = lines
    on_step = progress.fleet(5)
    for seconds in range(11):
        clock.seconds = seconds
        progress.beside(1, 5, 5 * (81 + seconds) / 100, before=4.0 if seconds == 0 else 0.0)
        on_step(1 + seconds, 100)
    assert said()[-1].endswith("(51%) · 11 steps/s · 10 s gone · 49 s left")


def test_what_a_helper_that_died_had_done_still_says_how_fast_training_is(lines, clock):
    progress, said = lines
    on_step = progress.fleet(5)
    for seconds in range(51):
        clock.seconds = seconds
        progress.beside(1, 5, 5 * (1 + seconds) / 100)
        on_step(1 + seconds, 100)
    assert said()[-1].endswith("(51%) · 10 steps/s · 50 s gone · 49 s left")
    progress.gone(1)
    clock.seconds = 51
    on_step(52, 100)
    assert said()[-1].endswith("(26%) · 10 steps/s · 51 s gone · 1 min 15 s left")


def test_no_time_is_foreseen_from_a_first_step_that_compiled_for_minutes(lines, clock):
    progress, said = lines
    on_step = progress.fleet(10)
    for seconds, step in ((300, 1), (300.5, 2)):
        clock.seconds = seconds
        on_step(step, 1000)
        assert said()[-1].endswith("5 min 00 s gone · … left")
    clock.seconds = 302
    on_step(21, 1000)
    assert said()[-1].endswith("5 min 02 s gone · 1 min 38 s left")


def test_the_line_at_the_end_says_that_nothing_is_left(lines, clock):
    progress, said = lines
    progress.fleet(10)(100, 100)
    progress.left(0)
    assert said()[-1] == "10 of 10 runs (100%) · 0 steps/s · 0 s gone · 0 s left"


def test_runs_that_others_train_count_as_they_come(lines, clock):
    progress, said = lines
    for left in (9, 8, 7):
        clock.seconds += 60
        progress.left(left)
    progress.fleet(7)(1, 10**6)
    assert said()[-1].endswith("7 min 00 s left")


@pytest.fixture
def error_output(monkeypatch):
    """Makes a file descriptor standard error for this test."""
    with ExitStack() as stack:

        def become(descriptor):
            stream = io.TextIOWrapper(os.fdopen(descriptor, "wb", 0), write_through=True)  # as Python makes it
            stack.callback(stream.close)
            monkeypatch.setattr("sys.stderr", stream)

        yield become


def test_output_that_nobody_reads_any_more_is_an_error_of_its_own(error_output):
    reading, writing = os.pipe()
    error_output(writing)
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        Progress(1).say("a line")


def test_a_terminal_that_was_closed_hides_no_interruption(error_output, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal, ours = os.openpty()
    error_output(ours)

    def interrupted():
        with Progress(1):
            os.close(terminal)
            raise Interrupted(signal.SIGHUP)

    with pytest.raises(Interrupted):
        interrupted()
