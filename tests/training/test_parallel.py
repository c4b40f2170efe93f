"""Several processes train the networks that one process trains, or say in one line why they cannot."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from benchmark.system import communication

if sys.platform == "win32":
    pytest.skip("processes are forked", allow_module_level=True)


@pytest.fixture(scope="session")
def done(tmp_path_factory, worker_id):
    """The folder of everything that two_processes.py does; it is done once, also where several workers run tests."""
    root = tmp_path_factory.getbasetemp()
    root = (root if worker_id == "master" else root.parent) / "two processes"
    with FileLock(f"{root}.lock"):
        if not root.exists():
            root.mkdir()
            script = Path(__file__).with_name("two_processes.py")
            subprocess.run([sys.executable, str(script), str(root)], check=True, timeout=1800)
    return root


def statuses(folder):
    return [int(status) for status in (folder / "statuses").read_text().split()]


def said(folder, stream):
    return [path.read_text() for path in sorted(folder.glob(f"{stream}-*"))]


def trained(folder):
    assert set(statuses(folder)) == {0}, said(folder, "err")
    return [torch.load(path) for path in sorted(folder.glob("trained-*.pt"))]


def test_two_processes_end_with_the_masks_weights_and_accuracies_of_one(done):
    """Shares of unequal size, an empty share, augmentation and two seeds included."""
    (alone,) = trained(done / "perceptrons-1")
    both = trained(done / "perceptrons-2")
    assert len(both) == 2
    for each in both:
        assert without_digests(each["outcomes"]) == without_digests(alone["outcomes"])
        for name, mask in alone["masks"].items():
            assert torch.equal(each["masks"][name], mask)
        torch.testing.assert_close(each["weights"], alone["weights"])
    assert any(0 < outcome["test_accuracy_best"] < 100 for outcome in alone["outcomes"])


@pytest.mark.parametrize("work", ["perceptrons-2", "batch-norm-2"])
def test_both_processes_end_with_the_same_bits(done, work):
    first, second = trained(done / work)
    assert first["outcomes"] == second["outcomes"]
    for kind in ("weights", "masks", "buffers"):
        for name, tensor in first[kind].items():
            assert torch.equal(tensor, second[kind][name]), name
    assert (work == "batch-norm-2") == any("running_mean" in name for name in first["buffers"])


def without_digests(outcomes):
    """Sums over processes round otherwise than one process does, so digests of weights differ."""
    return [{key: value for key, value in outcome.items() if key != "digests"} for outcome in outcomes]


def results(folder):
    found = {path.name: json.loads(path.read_text()) for path in (folder / "results/tiny/runs").glob("*.json")}
    return {name: (result["settings"], without_digests([result["outcome"]])) for name, result in found.items()}


def test_the_command_stores_the_results_of_one_process_once_and_speaks_once(done):
    for work in ("run-1", "run-2"):
        assert set(statuses(done / work)) == {0}, said(done / work, "err")
    assert len(results(done / "run-1")) == 2
    assert results(done / "run-2") == results(done / "run-1")
    assert said(done / "run-2", "out") == [said(done / "run-1", "out")[0], ""]
    first, second = said(done / "run-2", "err")
    assert "2 to train" in first
    assert second == ""


@pytest.mark.parametrize(
    ("work", "line"),
    [
        ("bad-input-2", "dst-bench: 7.jpeg cannot be read as an image"),
        ("killed-2", "dst-bench: the processes of this training have lost each other"),
        ("reproduce-2", "dst-bench: only `run` works on several processes, and WORLD_SIZE is 2"),
        ("grasp-2", "dst-bench: GraSP(temperature=200.0) needs a whole batch in one process"),
    ],
)
def test_where_one_process_fails_all_end_and_one_line_says_why(done, work, line):
    assert 0 not in statuses(done / work)
    progress = re.compile("tiny: 0 runs stored|0 of [12] runs")
    lines = [line for text in said(done / work, "err") for line in text.splitlines() if not progress.match(line)]
    assert len(lines) == 1
    assert lines[0].startswith(line)
    assert not list((done / work).rglob("*.json"))


@given(count=st.integers(0, 1000), size=st.integers(1, 64))
def test_shares_are_everything_once_and_nearly_equal(count, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(communication, "size", lambda: size)
        shares = []
        for rank in range(size):
            patch.setattr(communication, "rank", lambda rank=rank: rank)
            shares.append(range(count)[communication.share(count)])
    assert [thing for share in shares for thing in share] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(
    ("environment", "said"),
    [({"WORLD_SIZE": "2"}, "RANK"), ({"WORLD_SIZE": "two", "RANK": "0"}, "WORLD_SIZE")],
)
def test_processes_that_are_not_told_who_they_are_say_how_to_start_them(environment, said, monkeypatch, capsys):
    from benchmark.commands.cli import main

    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["run", "smoke"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "torchrun --nproc-per-node" in error
    assert error.count("\n") == 1


@pytest.mark.long
def test_torchrun_starts_it(tmp_path):
    from tests.training import two_processes

    (tmp_path / "tiny.yaml").write_text(two_processes.EXPERIMENT)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = ["-m", "benchmark", "run", "tiny.yaml", "--criteria", "snip", "--no-contract", "--device=cpu"]
    run = subprocess.run([*torchrun, *command], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("snip") == 1
    assert len(results(tmp_path)) == 1
    broken = subprocess.run(
        [*torchrun, *command[:3], "tinny"], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert broken.returncode != 0
    assert broken.stderr.count("dst-bench: unknown experiment 'tinny'") == 1
