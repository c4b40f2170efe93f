"""What a user of a cluster meets: an array of tasks that share the work, and that is sent again where it was killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.part import Part
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import expand
from benchmark.running import slurm
from benchmark.running.journal import read_journal
from benchmark.running.options import Options
from criteria import InputError
from criteria.pruning.magnitude import Magnitude
from tests.running.one_node_slurm import NoSlurm, one_node_slurm

SMALL = {
    "title": "small",
    "data": "digits",
    "model": {"name": "mlp", "widths": [32]},
    "training": {"epochs": 4, "batch_size": 16, "learning_rate": 0.1},
    "topology": {"update_period": 5},
    "axes": {"criteria": ["magnitude", "snip"], "growths": ["random"], "densities": [0.1, 0.2], "seeds": [1]},
    "baselines": ["static"],
}


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(yaml.safe_dump(SMALL))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tasks", "0"], "--tasks 0: expected a number of at least 1"),
        (["--fresh"], "--fresh: every task would train every run"),
        ([], "there is no Slurm here"),
        (["--device", "cuda"], "there is no Slurm here"),
    ],
)
def test_what_cannot_be_sent_to_slurm_is_one_line_and_leaves_no_task(small, monkeypatch, capsys, arguments, said):
    monkeypatch.setenv("PATH", str(small))
    monkeypatch.setenv("XDG_CACHE_HOME", str(small))
    assert main(["run", "small.yaml", "--executor", "slurm", "--no-contract", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not list(small.rglob("*.sh"))


def test_without_submitit_one_line_says_what_to_install(small, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert main(["run", "small.yaml", "--executor", "slurm", "--no-contract"]) == 2
    assert "pip install 'dst-bench[slurm]'" in capsys.readouterr().err


class Queue:
    """Stands for Slurm: tasks that end as the script says, and what was sent."""

    def __init__(self, folder, looks):
        self.folder, self.looks, self.sent = folder, iter(looks), []

    def submit(self, _executor, _task, count):
        new = [SimpleNamespace(job_id=f"{len(self.sent) + i}_0", paths=self.paths(False)) for i in range(count)]
        self.sent += new
        return new

    def paths(self, ended):
        return SimpleNamespace(result_pickle=self.folder / "small.yaml" if ended else Path("none"), stderr=Path("log"))

    def queued(self):
        """Ids of the tasks that are in the queue; those to be ended by themselves have come to their end."""
        there, ended = next(self.looks)
        for number in ended:
            self.sent[number].paths = self.paths(True)
        return {self.sent[number].job_id for number in there}


@pytest.fixture
def waiting(small, monkeypatch):
    """Waits for two tasks; each look at the queue shows which are there and which have ended by themselves."""

    def wait(*looks):
        queue = Queue(small, looks)
        monkeypatch.setattr(slurm, "_submit", queue.submit)
        monkeypatch.setattr(slurm, "_queued", queue.queued)
        monkeypatch.setattr(slurm.time, "sleep", lambda _seconds: None)
        jobs = queue.submit(None, None, 2)
        try:
            runs = expand(load_experiment("small.yaml"))
            slurm._wait(slurm._Queue(None, None, jobs), runs, ResultsFolder(small / "results", "small"))
        except (InputError, StopIteration) as end:
            return queue, end
        raise AssertionError("nothing was trained")

    return wait


def test_a_task_that_ends_by_itself_is_not_sent_again_while_another_trains(waiting):
    queue, end = waiting(*[([1], [0])] * 20)
    assert isinstance(end, StopIteration)
    assert len(queue.sent) == 2


def test_a_task_that_is_killed_again_and_again_ends_no_wait_for_another_that_trains(waiting):
    queue, end = waiting(*[([1], [])] * 20)
    assert isinstance(end, StopIteration)
    assert len(queue.sent) == 2 + slurm.FRUITLESS


def test_tasks_that_all_end_without_a_result_are_sent_a_few_times_and_then_given_up(waiting):
    queue, end = waiting(*[([], [])] * 20)
    assert len(queue.sent) == 2 + 2 * slurm.FRUITLESS
    assert "6 runs without a result, and the tasks end without one; see log" in str(end)


def test_a_killed_task_that_got_further_each_time_is_sent_again_each_time(waiting, small, monkeypatch):
    found = iter(range(100))
    monkeypatch.setattr(slurm, "_checkpoints", lambda _folder: frozenset({("fleet.pt", next(found))}))
    queue, end = waiting(*[([], [])] * 20)
    assert isinstance(end, StopIteration)
    assert len(queue.sent) == 2 + 2 * 20


@pytest.fixture(scope="module")
def cluster():
    """The environment of a real cluster of one node; skips with the reason where it cannot start."""
    try:
        with one_node_slurm() as environment:
            yield environment
    except NoSlurm as reason:
        pytest.skip(f"no Slurm: {reason}")


def command(*arguments):
    return [sys.executable, "-m", "benchmark", "run", "small.yaml", "--executor", "slurm", "--no-contract", *arguments]


def trainers(folder):
    """Process ids of the tasks that train for the experiment in ``folder``, found by the folder that they run in."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            is_task = words[0] == sys.executable.encode() and b"submitit.core._submit" in words
            if is_task and (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def wait_for(look, what, seconds=600):
    """What ``look`` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} is not there after {seconds} seconds"
        time.sleep(0.2)
    return found


def whole_results(folder):
    return [json.loads(path.read_text())["id"] for path in (folder / "results" / "small" / "runs").glob("*.json")]


def test_a_warning_in_the_middle_of_a_plugin_is_heard_after_the_step_with_a_checkpoint_and_blames_no_plugin(
    small, monkeypatch
):
    plain, warned = Magnitude.score, []

    def requeued(_number, _frame):
        raise SystemExit(-1)  # as submitit ends a task that it has sent again

    def score(*arguments):
        if not warned:
            warned.append(True)
            os.kill(os.getpid(), signal.SIGUSR2)
        return plain(*arguments)

    monkeypatch.setattr(Magnitude, "score", score)
    before = signal.signal(signal.SIGUSR2, requeued)
    options = Options(device="cpu", contract_skipped=True, processes=1)
    task = slurm.ArrayTask("small.yaml", Part(), Path("results"), options)
    try:
        with pytest.raises(SystemExit):
            task()
        assert signal.getsignal(signal.SIGUSR2) is requeued
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert len(list(small.glob("results/small/checkpoints/*.pt"))) == 1
    task()
    taken, further = [entry for entry in read_journal(small / "results" / "small") if entry.event == "claimed"]
    assert (taken.step, taken.runs) == (0, further.runs)
    assert further.step > 0
    assert len(whole_results(small)) == 6


@pytest.mark.long
def test_the_array_ends_with_every_result_although_a_task_was_killed(small, cluster):
    options = command("--tasks", "2", "--slurm", "partition=debug", "--slurm", "time=10")
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(options, env=cluster, **pipes) as waiting:
        try:
            found = wait_for(lambda: len(found := trainers(small)) == 2 and found, "two tasks that train")
            os.kill(found[1], signal.SIGSTOP)  # or it may have done all the work before the killed one is missed
            os.kill(found[0], signal.SIGKILL)
            error = ""
            for line in waiting.stderr:
                error += line
                if "sent 1 task again" in line:
                    break
            os.kill(found[1], signal.SIGCONT)
            output, rest = waiting.communicate(timeout=500)
        finally:
            waiting.kill()
    assert waiting.returncode == 0, error + rest
    assert "sent 1 task again" in error
    assert len(whole_results(small)) == 6
    assert "magnitude" in output


@pytest.mark.long
def test_a_detached_array_goes_on_by_itself(small, cluster):
    sent = subprocess.run(command("--detach"), env=cluster, capture_output=True, text=True, check=False)
    assert sent.returncode == 0, sent.stderr
    assert "6 runs to train by 1 task of job" in sent.stderr
    wait_for(lambda: len(whole_results(small)) == 6, "every result")


@pytest.mark.long
def test_a_task_that_slurm_warns_before_it_takes_the_machine_is_requeued_and_goes_on_from_its_checkpoint(
    small, cluster
):
    options = ("--detach", "--checkpoint", "0.1", "--set", "training.epochs=200")
    sent = subprocess.run(command(*options), env=cluster, capture_output=True, text=True, check=False)
    assert sent.returncode == 0, sent.stderr
    job = sent.stderr.partition("of job ")[2].partition(";")[0]
    experiment = small / "results" / "small"
    wait_for(lambda: list(experiment.glob("checkpoints/*.pt")), "a checkpoint")
    # what Slurm sends some time before it pre-empts a task, or ends it for its time
    subprocess.run(["scancel", "--signal=USR2", job], env=cluster, check=True)
    wait_for(lambda: len(whole_results(small)) == 6, "every result")
    taken = [entry for entry in read_journal(experiment) if entry.event == "claimed"]
    assert len({entry.worker for entry in taken}) == 2
    assert taken[0].step == 0
    assert taken[1].step > 0
    assert taken[1].runs == taken[0].runs


@pytest.mark.long
@pytest.mark.parametrize(
    ("option", "said"),
    [("partition=nowhere", "sbatch failed"), ("colour=red", "Unavailable parameter"), ("x", "KEY=VALUE")],
)
def test_what_slurm_does_not_know_is_one_line(small, cluster, option, said):
    found = subprocess.run(command("--slurm", option), env=cluster, capture_output=True, text=True, check=False)
    assert found.returncode == 2
    assert said in found.stderr
    assert "Traceback" not in found.stderr
