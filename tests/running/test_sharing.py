"""What is held is left to its owner while it lives, what is done stays done, and what was left is gone on with."""

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmark.commands.cli import main
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import expand
from benchmark.running import holds, sharing, workers
from benchmark.running.holds import Hold, seen_workers, workers_folder
from benchmark.running.journal import add_entry, journal_file, read_journal
from benchmark.running.plan import next_fleet
from benchmark.running.workers import Worker
from benchmark.system import process
from benchmark.system.files import HALF_WRITTEN
from benchmark.training import members
from criteria.errors import InputError, PluginError
from tests.running.tiny import TINY

RUN = ["run", "tiny.yaml", "--no-contract", "--device", "cpu", "--checkpoint", "1e-9"]
FOLDER = Path("results/tiny")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A folder of its own to run in, with an experiment of eight runs that trains in a moment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("benchmark.running.resume.SHARE", float("inf"))  # a checkpoint at every step, whatever it costs
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY | {"training": TINY["training"] | {"epochs": 3}}))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("undisturbed"))
        Path("tiny.yaml").write_text(yaml.safe_dump(TINY | {"training": TINY["training"] | {"epochs": 3}}))
        assert main(RUN) == 0
        return results()


def results():
    """What is stored of each run, apart from the time that it took."""
    found = [json.loads(path.read_text()) for path in (FOLDER / "runs").glob("*.json")]
    return {result["id"]: {key: value for key, value in result.items() if key != "time"} for result in found}


def taken_steps():
    """At which step each fleet that was taken began or went on."""
    return [entry.step for entry in read_journal(FOLDER) if entry.event == "claimed"]


def left_behind():
    return sorted(path.name for path in FOLDER.rglob("*") if path.is_file() and path.parent.name != "runs")


@pytest.fixture
def interrupt(monkeypatch):
    """Makes a method of the engine interrupt the command, as Ctrl-C does, when it is called for the n-th time."""

    def arrange(owner, name, calls):
        plain, made = getattr(owner, name), []

        def interrupted(*arguments):
            made.append(name)
            if len(made) == calls:
                raise KeyboardInterrupt
            return plain(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, interrupted)
            assert main(RUN) == 130

    return arrange


def interrupted_at(step):
    """A step of training that is interrupted, as by Ctrl-C, once it is that one."""

    def at(_worker, now, _total):
        if now == step:
            raise KeyboardInterrupt

    return at


@pytest.mark.parametrize("step", [1, 2, 9, 30])
def test_an_interrupted_run_says_how_to_go_on_and_does_so_to_the_same_bits(step, tiny, undisturbed, interrupt, capsys):
    interrupt(Worker, "at", step)
    assert "the same command goes on" in capsys.readouterr().err
    assert main(["status", "tiny.yaml"]) == 0
    said = capsys.readouterr().out
    assert "tiny: 0 of 8 runs done, 0 running, 8 waiting" in said
    if step > 1:
        assert f"8 runs will go on from a checkpoint at step {step - 1} of 30" in said
    assert main(RUN) == 0
    assert taken_steps() == [0, step - 1]
    assert results() == undisturbed
    assert left_behind() == [".lock", "journal.jsonl"]


def test_a_fleet_of_which_some_results_are_stored_stores_the_others_without_training(
    tiny, undisturbed, interrupt, monkeypatch
):
    interrupt(ResultsFolder, "store", 4)
    first = {path: path.stat().st_mtime_ns for path in (FOLDER / "runs").glob("*.json")}
    assert len(first) == 3
    with monkeypatch.context() as patch:
        patch.setattr("benchmark.running.resume.FleetTraining", None)
        assert main(RUN) == 0
    assert results() == undisturbed
    assert {path: path.stat().st_mtime_ns for path in first} == first


def edit(change):
    def damage(path):
        content = torch.load(path, weights_only=True)
        change(content)
        torch.save(content, path)

    return damage


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "not a whole checkpoint"),
        (lambda path: path.write_text("{}"), "not a whole checkpoint"),
        (edit(lambda content: content["versions"].update(torch="1.0")), "written by dst-bench 0.1.0, torch 1.0, code "),
        (edit(lambda content: content["runs"].reverse()), "it holds other runs"),
        (edit(lambda content: content["state"]["engine"]["masks"].popitem()), "its state does not fit"),
        (edit(lambda content: content.update(format=content["format"] + 1)), "not a checkpoint of this kind"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_reported_in_one_line_and_the_run_begins_anew(
    damage, said, tiny, undisturbed, interrupt, capsys
):
    interrupt(Worker, "at", 5)
    (path,) = (FOLDER / "checkpoints").iterdir()
    damage(path)
    capsys.readouterr()
    assert main(RUN) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "begin anew" in line]
    assert said in line
    assert path.name in line
    assert results() == undisturbed
    assert left_behind() == [".lock", "journal.jsonl"]


def test_a_checkpoint_that_cannot_be_written_is_reported_and_costs_nothing_else(tiny, undisturbed, monkeypatch, capsys):
    def full(path, checkpoint):
        raise InputError(f"{path}: cannot be written: No space left on device")

    monkeypatch.setattr("benchmark.running.resume.write_checkpoint", full)
    assert main(RUN) == 0
    assert "No space left on device; the training goes on without this checkpoint" in capsys.readouterr().err
    assert results() == undisturbed


def test_a_fleet_that_turned_out_too_large_begins_anew_in_smaller_ones_when_asked_to(
    tiny, undisturbed, interrupt, capsys
):
    interrupt(Worker, "at", 5)
    assert main([*RUN, "--fleet", "8", "--no-wait", "--criteria", "static"]) == 0  # which leaves the others alone
    assert len(list((FOLDER / "checkpoints").iterdir())) == 1
    assert main([*RUN, "--fleet", "3"]) == 0
    assert "a fleet of 8 is larger than --fleet 3" in capsys.readouterr().err
    first, *others = [len(entry.runs) for entry in read_journal(FOLDER) if entry.event == "claimed"]
    assert first == 8
    assert max(others) <= 3
    assert results() == undisturbed
    assert left_behind() == [".lock", "journal.jsonl"]


def test_a_checkpoint_that_nobody_needs_any_more_goes_also_when_nothing_is_left_to_train(tiny, undisturbed, interrupt):
    interrupt(Worker, "at", 5)
    (path,) = (FOLDER / "checkpoints").iterdir()
    content = path.read_bytes()
    assert main(RUN) == 0
    path.write_bytes(content)  # as if killed after the last result was stored and before it was removed
    assert main(RUN) == 0
    assert left_behind() == [".lock", "journal.jsonl"]


def test_the_checkpoint_of_someone_who_lives_is_neither_read_nor_removed(tiny, undisturbed, interrupt, monkeypatch):
    interrupt(Worker, "at", 5)
    (path,) = (FOLDER / "checkpoints").iterdir()
    path.write_text("half of it, as it seems from here")
    (begun,) = [entry for entry in read_journal(FOLDER) if entry.event == "claimed"]
    owner = post(hold(machine="another", runs=begun.runs))
    assert main([*RUN, "--no-wait", "--seeds", "7"]) == 0
    assert path.exists()
    owner.unlink()
    assert main(RUN) == 0
    assert results().keys() > undisturbed.keys()
    assert not path.exists()


@pytest.mark.parametrize(
    ("options", "said"), [([], "interrupted; the same"), (["--fresh"], "the same command begins anew")]
)
def test_an_interruption_before_anything_was_imported_is_one_line_too(options, said, tiny, monkeypatch, capsys):
    def interrupted(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmark.commands.run.main", interrupted)
    assert main([*RUN, *options]) == 130
    assert said in capsys.readouterr().err


def test_fresh_begins_anew_whatever_was_left(tiny, undisturbed, interrupt):
    interrupt(Worker, "at", 5)
    assert main([*RUN, "--fresh"]) == 0
    assert taken_steps() == [0, 0]
    assert main([*RUN, "--fresh"]) == 0
    assert taken_steps() == [0, 0, 0]
    assert results() == undisturbed


def test_where_fresh_was_interrupted_results_from_before_count_again_without_it_as_was_said(
    tiny, undisturbed, monkeypatch, capsys
):
    assert main(RUN) == 0
    before = {path: path.stat().st_mtime_ns for path in (FOLDER / "runs").glob("*.json")}
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "at", interrupted_at(5))
        assert main([*RUN, "--fresh"]) == 130
    assert "without --fresh it trains only what has no result at all" in capsys.readouterr().err
    assert main(RUN) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert results() == undisturbed


def test_a_worker_that_was_taken_for_dead_lets_go_of_its_runs_and_finds_something_else_to_do(
    tiny, undisturbed, monkeypatch, capsys
):
    monkeypatch.setattr(workers, "BEAT_SECONDS", 0.001)
    plain, steps = Worker.at, []

    def forgotten(worker, step, total):
        steps.append(step)
        if len(steps) == 5:
            with worker.alone():
                (path,) = (FOLDER / "workers").glob("*.json")
                path.unlink()
            assert worker._lost.wait(60)  # the next sign of life finds that nobody believes in it
        plain(worker, step, total)

    monkeypatch.setattr(Worker, "at", forgotten)
    assert main(RUN) == 0
    assert "others took over 8 runs" in capsys.readouterr().err
    assert taken_steps() == [0, 4]
    assert results() == undisturbed


def hold(**changes):
    fields = {
        "host": "here",
        "machine": process.machine(),
        "pid": os.getpid(),
        "started": process.started(os.getpid()),
        "device": "cpu",
        "since": "2026-01-01T00:00:00+00:00",
        "runs": [],
    }
    return Hold(**(fields | changes))


def post(which, name="someone", age=0.0):
    path = workers_folder(FOLDER) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(which.model_dump_json())
    os.utime(path, (time.time() - age,) * 2)
    return path


def dead_process():
    """The number of a process that was just killed, and that its parent has not asked after."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    return child


HOUR = 3600.0


def test_signs_of_life_survive_a_disk_that_is_away_for_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "BEAT_SECONDS", 0.001)
    plain, calls = workers.write_atomically, []

    def write(path, content):
        calls.append(path)
        if len(calls) in (2, 3):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        plain(path, content)

    monkeypatch.setattr(workers, "write_atomically", write)
    with Worker(tmp_path, "cpu") as worker:
        deadline = time.monotonic() + 60
        while len(calls) < 6:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        worker.require_hold()


@pytest.mark.skipif(process.machine() is None, reason="there is no /proc")
def test_a_process_may_have_any_name(tmp_path):
    program = tmp_path / os.fsdecode(b"\xff (x) ")
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as child:
        assert process.started(child.pid)
        child.kill()
    assert process.started(child.pid) is None


def test_lines_of_the_journal_that_are_damaged_are_left_out(tmp_path):
    whole = '{"time": "2026-01-01T00:00:00+00:00", "event": "stored", "worker": "a-1-b", "runs": ["r"]}'
    nested = "[" * 100_000
    lines = [whole, whole[:40], '{"runs": [["x"]]}', whole.replace('["r"]', '[["r"]]'), nested, "\udcff", whole]
    journal_file(tmp_path).write_bytes("\n".join(lines).encode(errors="surrogateescape"))
    assert [entry.runs for entry in read_journal(tmp_path)] == [["r"], ["r"]]
    journal_file(tmp_path).write_text(f"{whole}\n{whole[:40]}")
    add_entry(tmp_path, "failed", "a-1-b", ["s"], error="it stopped")
    assert [entry.runs for entry in read_journal(tmp_path)] == [["r"], ["s"]]


linux = pytest.mark.skipif(process.machine() is None, reason="without /proc only signs of life count")


@linux
def test_on_one_machine_a_hold_lives_exactly_as_long_as_its_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    child = dead_process()
    post(hold(), "busy, and silent for an hour", age=HOUR)
    post(hold(pid=child.pid, started=1.0), "killed a moment ago")
    post(hold(started=1.0), "whose number someone else has now")
    assert [seen.path.stem for seen in seen_workers(FOLDER, time.time()) if seen.alive] == [
        "busy, and silent for an hour"
    ]
    assert process.started(child.pid) is None
    child.communicate()


def test_on_another_machine_a_hold_lives_as_long_as_its_owner_gives_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    post(hold(machine="another"), "just heard of")
    post(hold(machine="another"), "silent", age=2 * holds.EXPIRY_SECONDS)
    post(hold(machine=None), "who knows where", age=2 * holds.EXPIRY_SECONDS)
    (workers_folder(FOLDER) / "torn.json").write_text("{")
    assert {seen.path.stem for seen in seen_workers(FOLDER, time.time()) if seen.alive} == {"just heard of", "torn"}


def ids_of(undisturbed, criterion):
    return [
        run for run, found in undisturbed.items() if found["settings"].get("criterion", {}).get("spec") == criterion
    ]


def test_what_others_train_is_left_to_them_and_taken_over_when_they_die(tiny, undisturbed, capsys):
    theirs = ids_of(undisturbed, "magnitude")
    path = post(hold(machine="another", host="far-away", pid=77, runs=theirs))
    torn = path.parent / f".{path.stem}-torn{HALF_WRITTEN}"
    torn.touch()
    assert main([*RUN, "--no-wait"]) == 0
    assert "others train 2 runs: far-away (process 77)" in capsys.readouterr().err
    assert results().keys() == undisturbed.keys() - set(theirs)
    assert main(["status", "tiny.yaml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["done"], found["running"], found["waiting"]) == (6, 2, 0)
    assert [(each["host"], each["pid"], each["runs"]) for each in found["workers"]] == [("far-away", 77, 2)]
    os.utime(path, (0, 0))
    assert main([*RUN, "--no-wait"]) == 0
    assert results() == undisturbed
    assert not torn.exists()


@pytest.fixture
def left_by_the_dead(tiny):
    """All is trained, and the last to work on it were killed: one with a hold, one before it could say who it was."""
    assert main(RUN) == 0
    dead = post(hold(machine="another"), "dead", age=HOUR)
    parts = [FOLDER / where / f".{who}-torn{HALF_WRITTEN}" for where, who in (("runs", "dead"), ("workers", "unknown"))]
    for part in parts:
        part.touch()
    os.utime(parts[1], (time.time() - HOUR,) * 2)
    return {dead, *parts}


def test_what_dead_workers_left_behind_is_removed_although_there_is_nothing_more_to_train(left_by_the_dead):
    busy = post(hold(machine="another"), "busy")
    writing = FOLDER / "runs" / f".busy-result{HALF_WRITTEN}"
    writing.touch()
    assert main(RUN) == 0
    assert set(FOLDER.rglob("*")) & {busy, writing, *left_by_the_dead} == {busy, writing}


def test_what_is_being_written_by_who_is_no_worker_stays(left_by_the_dead):
    """As by a command that unpacks an archive into the folder."""
    written = FOLDER / "runs" / f".unpacking-result{HALF_WRITTEN}"
    written.touch()
    assert main(RUN) == 0
    assert set(FOLDER.rglob("*")) & {written, *left_by_the_dead} == {written}


def test_a_result_that_goes_this_moment_disturbs_no_training(tiny):
    FOLDER.joinpath("runs").mkdir(parents=True)
    gone = FOLDER / "runs" / "0123456789abcdef.json"
    gone.symlink_to("nowhere")
    assert main(RUN) == 0
    assert len([path for path in gone.parent.glob("*.json") if path.exists()]) == 8


def test_a_worker_that_leaves_removes_what_those_left_behind_that_died_meanwhile(left_by_the_dead):
    with Worker(FOLDER, "cpu"):
        pass
    assert left_by_the_dead.isdisjoint(FOLDER.rglob("*"))


def test_what_cannot_be_removed_stays_and_disturbs_nobody(left_by_the_dead, monkeypatch):
    def read_only(*_arguments, **_options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(workers.FileLock, "acquire", read_only)
    assert main(RUN) == 0
    assert left_by_the_dead.issubset(FOLDER.rglob("*"))


def test_who_waits_takes_no_lock(tiny, undisturbed, monkeypatch):
    path = post(hold(machine="another", runs=list(undisturbed)))
    plain, taken, looks = workers.alone, [], []

    def alone(folder):
        taken.append(folder)
        return plain(folder)

    def sleep(_seconds):
        looks.append(len(taken))
        if len(looks) == 5:
            os.utime(path, (0, 0))

    monkeypatch.setattr(workers, "alone", alone)
    monkeypatch.setattr(sharing.time, "sleep", sleep)
    assert main(RUN) == 0
    assert looks == looks[:1] * 5
    assert results() == undisturbed


def test_who_waits_goes_on_as_soon_as_the_others_are_done_or_dead(tiny, undisturbed, monkeypatch):
    path = post(hold(machine="another", runs=list(undisturbed)))
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        os.utime(path, (0, 0))

    monkeypatch.setattr(sharing.time, "sleep", sleep)
    assert main(RUN) == 0
    assert len(waited) == 1
    assert results() == undisturbed


def test_who_waits_tells_those_that_train_together_with_it_now_and_then(tiny, undisturbed, monkeypatch):
    path = post(hold(machine="another", runs=list(undisturbed)))
    waited, told = [], []

    def sleep(seconds):
        waited.append(seconds)
        if len(waited) == 5:
            os.utime(path, (0, 0))

    def broadcast_from_first(value):
        told.append((len(waited), value))
        return value

    monkeypatch.setattr(sharing.time, "sleep", sleep)
    monkeypatch.setattr(sharing, "LOOKS", 2)
    monkeypatch.setattr(sharing.communication, "broadcast_from_first", broadcast_from_first)
    assert main(RUN) == 0
    assert [looks for looks, value in told if looks and value == []] == [2, 4]


@pytest.mark.parametrize("method", ["pruning.magnitude.Magnitude.score", "pruning.running.Running.observe"])
def test_a_run_that_failed_is_named_with_its_error(method, tiny, monkeypatch, capsys):
    def fail(_criterion, _layer):
        raise ValueError("no idea")

    monkeypatch.setattr(f"criteria.{method}", fail)
    assert main(RUN) == 3
    error = capsys.readouterr().err
    assert error.count("no idea") == 1
    assert f"({__file__}, line " in error
    assert main(["status", "tiny.yaml"]) == 0
    said = capsys.readouterr().out
    assert "6 of 8 runs done, 0 running, 2 waiting (2 failed)" in said
    assert "no idea" in said


def test_a_criterion_that_cannot_be_made_costs_its_own_runs_and_not_those_of_its_fleet(tiny, monkeypatch, capsys):
    def load(spec, kind="criterion"):
        if spec.name == "running_snip":
            raise PluginError("no flag")
        return plain(spec, kind)

    plain = members.load
    monkeypatch.setattr(members, "load", load)
    assert main(RUN) == 3
    assert "no flag" in capsys.readouterr().err
    assert main(["status", "tiny.yaml"]) == 0
    assert "6 of 8 runs done, 0 running, 2 waiting (2 failed)" in capsys.readouterr().out


def test_two_cells_that_ask_for_one_training_share_its_result(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    axes = TINY["axes"] | {"seeds": [1], "settings": {"model.dropout": [0.1, 0.2]}}
    twice = TINY | {"training": TINY["training"] | {"epochs": 1}, "axes": axes}
    Path("twice.yaml").write_text(yaml.safe_dump(twice | {"baselines": ["dense", "dropout(p=0.1)"]}))
    runs = expand(load_experiment("twice.yaml"))
    ids = {run.id for run in runs}
    assert len(ids) < len(runs)
    assert main(["run", "twice.yaml", "--no-contract", "--no-wait"]) == 0
    assert f"0 runs stored, {len(ids)} to train" in capsys.readouterr().err
    folder = ResultsFolder(Path("results"), "twice")
    assert folder.written().keys() == ids
    assert [run for run, _ in folder.read_all(runs)] == runs
    assert main(["status", "twice.yaml"]) == 0
    assert f"{len(ids)} of {len(ids)} runs done, 0 running, 0 waiting" in capsys.readouterr().out


class FixedSize:
    def __init__(self, most):
        self.most = most

    def largest(self, run):
        return self.most


class SomeRun:
    def __init__(self, kind):
        self.trains_with = kind


@given(
    kinds=st.lists(st.sampled_from("abc"), min_size=1, max_size=40), most=st.integers(1, 50), share=st.integers(1, 50)
)
def test_a_fleet_is_of_one_kind_no_larger_than_may_be_and_no_larger_than_a_share(kinds, most, share):
    runs = [SomeRun(kind) for kind in kinds]
    fleet = next_fleet(runs, FixedSize(most), share)
    assert 1 <= len(fleet) <= min(most, share)
    assert len({run.trains_with for run in fleet}) == 1
    assert all(run in runs for run in fleet)
