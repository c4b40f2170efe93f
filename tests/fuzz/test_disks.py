"""A disk that is full or may not be written: one line, status 2, and what was there is intact."""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.system.quantity import quantity

TINY = {
    "title": "tiny",
    "data": "digits",
    "model": {"name": "mlp", "widths": [8]},
    "training": {"epochs": 1, "batch_size": 256, "learning_rate": 0.1},
    "topology": {"update_period": 2},
    "axes": {"criteria": ["magnitude"], "growths": ["random"], "densities": [0.2], "seeds": [1, 2]},
}
PAGE = 4096


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Results and expected values of a tiny experiment."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    names = ["--results", str(folder / "results")]
    assert main(["run", str(folder / "tiny.yaml"), *names]) == 0
    assert main(["accept", str(folder / "tiny.yaml"), *names, "--expected", str(folder / "expected_results")]) == 0
    return folder


@pytest.fixture
def disk(tmp_path, monkeypatch, trained):
    """A small file system of its own, with the experiment, its results and its expected values; we are in it."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1M,mode=755", "tmpfs", str(mounted)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    try:
        shutil.copytree(trained, mounted, dirs_exist_ok=True)
        monkeypatch.chdir(mounted)
        yield mounted
    finally:
        monkeypatch.undo()
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def fill(folder, pages_left=0):
    """Leaves room for so many files of one page."""
    with suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while file.write(b"\0" * PAGE):
            pass
    if pages_left:
        os.truncate(folder / "filler", (folder / "filler").stat().st_size - pages_left * PAGE)


def forbid(folder):
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


WRITING = [
    ["run", "tiny.yaml", "--seeds", "3"],
    ["report", "tiny.yaml"],
    ["accept", "tiny.yaml"],
    ["reproduce", "tiny.yaml", "--seeds", "3"],
]


@pytest.mark.parametrize("arguments", WRITING, ids=lambda arguments: arguments[0])
@pytest.mark.parametrize("spoil", [fill, forbid])
def test_a_disk_that_takes_nothing_is_one_line_before_anything_is_trained(disk, capsys, spoil, arguments):
    spoil(disk)
    before = contents(disk)
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert ("No space left on device" if spoil is fill else "Read-only file system") in said
    assert contents(disk) == before


def test_a_disk_that_fills_up_keeps_what_was_stored_and_the_same_command_goes_on(disk, capsys):
    before = {path for path in contents(disk) if path.suffix == ".json"}
    fill(disk, pages_left=3)
    assert main(["run", "tiny.yaml", "--seeds", "3"]) == 2
    said = capsys.readouterr().err
    assert "No space left on device" in said.splitlines()[-1]
    assert "Traceback" not in said
    stored = {path for path in contents(disk / "results") if path.parent.name == "runs"} - before
    assert all(path.suffix == ".json" for path in stored)
    assert 0 < len(stored) < 3
    (disk / "filler").unlink()
    assert main(["run", "tiny.yaml", "--seeds", "3"]) == 0
    assert f"{quantity(len(stored), 'run')} stored, {3 - len(stored)} to train" in capsys.readouterr().err


def test_a_checkpoint_for_which_there_is_no_room_is_one_line_and_the_training_goes_on(disk, capsys):
    wide = ["--set", "model.widths=[1024]", "--set", "training.epochs=2"]
    assert main(["run", "tiny.yaml", "--seeds", "3", "--checkpoint", "0.001", *wide]) == 0
    said = capsys.readouterr().err
    assert "cannot be written: No space left on device; the training goes on without this checkpoint" in said
    assert "Traceback" not in said
    assert not list(disk.rglob("*.pt"))


@pytest.mark.parametrize("arguments", WRITING, ids=lambda arguments: arguments[0])
def test_a_file_in_place_of_a_folder_is_one_line(tmp_path, monkeypatch, capsys, trained, arguments):
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    place = {"report": "report", "accept": "expected_results"}.get(arguments[0], "results")
    shutil.rmtree(place, ignore_errors=True)
    Path(place).write_text("kept")
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert place in said
    assert Path(place).read_text() == "kept"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_output_that_cannot_be_written_is_one_line():
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "benchmark", "list", "growth"]
        found = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert found.returncode == 2
    assert found.stderr == "dst-bench: cannot read or write: No space left on device\n"
