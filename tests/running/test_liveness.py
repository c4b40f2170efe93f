"""Who is alive is seen where it can be seen, and told by signs of life where it cannot; nothing hangs on odd files."""

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from benchmark.commands.cli import main
from benchmark.running import holds
from benchmark.running.holds import Hold, living_others, seen_workers, workers_folder
from benchmark.running.journal import read_journal
from benchmark.running.workers import Worker
from benchmark.system import process
from criteria.errors import InputError
from tests.running.tiny import TINY

linux = pytest.mark.skipif(process.machine() is None, reason="without /proc only signs of life count")


def post(folder, name="someone", age=0.0, **changes):
    fields = {
        "host": "here",
        "machine": process.machine(),
        "pid": os.getpid(),
        "started": process.started(os.getpid()),
        "device": "cpu",
        "since": "2026-01-01T00:00:00+00:00",
    }
    path = workers_folder(folder) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(Hold(**(fields | changes)).model_dump_json())
    os.utime(path, (time.time() - age,) * 2)
    return path


def alive(folder):
    return {seen.path.stem for seen in seen_workers(folder, time.time()) if seen.alive}


@linux
def test_where_the_system_hides_a_process_signs_of_life_count(tmp_path, monkeypatch):
    """As with ``hidepid=2``: the number cannot be looked at, and a signal to it is refused."""

    def hidden(*_arguments):
        raise psutil.AccessDenied

    def refused(_pid, _signal):
        raise PermissionError

    post(tmp_path, "just heard of", pid=2**22)
    post(tmp_path, "silent", pid=2**22, age=2 * holds.EXPIRY_SECONDS)
    monkeypatch.setattr(process.psutil, "Process", hidden)
    monkeypatch.setattr(process.os, "kill", refused)
    assert alive(tmp_path) == {"just heard of"}


@linux
def test_a_hold_that_names_no_start_lives_as_long_as_it_gives_signs_of_life(tmp_path):
    post(tmp_path, "just heard of", started=None)
    post(tmp_path, "silent", started=None, age=2 * holds.EXPIRY_SECONDS)
    assert alive(tmp_path) == {"just heard of"}


@linux
def test_a_clock_that_is_set_makes_nobody_dead(tmp_path, monkeypatch):
    post(tmp_path, "busy")
    boot = psutil.boot_time
    monkeypatch.setattr(process.psutil, "boot_time", lambda: boot() + 1)
    assert alive(tmp_path) == {"busy"}


def test_numbers_of_another_set_of_processes_are_no_machine(monkeypatch):
    """In a container whose ``/proc`` is its host's, process 1 is someone else's."""
    monkeypatch.setattr(process.os, "getpid", lambda: 1)
    assert process.machine() is None


def test_looking_at_workers_removes_nothing(tmp_path):
    dead = post(tmp_path, "dead", machine="another", age=2 * holds.EXPIRY_SECONDS)
    with Worker(tmp_path, "cpu") as worker:
        with worker.alone():
            assert worker.others() == []
        assert living_others(tmp_path, None, time.time())
        assert dead.exists()
        with worker.alone():
            worker.remove_dead()
        assert not dead.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX files")
@pytest.mark.parametrize(
    ("kind", "place"),
    [*itertools.product(["pipe", "endless"], ["workers/odd.json", "checkpoints/odd.pt"]), ("loop", "workers/odd.json")],
)
def test_a_pipe_an_endless_device_or_a_link_to_itself_in_the_folder_is_removed_and_hangs_nobody(
    kind, place, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(holds, "EXPIRY_SECONDS", -float("inf"))
    Path("tiny.yaml").write_text(yaml.safe_dump(TINY | {"training": TINY["training"] | {"epochs": 1}}))
    odd = Path("results/tiny") / place
    odd.parent.mkdir(parents=True)
    os.mkfifo(odd) if kind == "pipe" else odd.symlink_to("/dev/zero" if kind == "endless" else odd.name)
    assert main(["status", "tiny.yaml"]) == 0
    assert main(["run", "tiny.yaml", "--no-contract", "--seeds", "1", "--criteria", "static"]) == 0
    assert not os.path.lexists(odd)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX files")
def test_a_journal_that_is_no_file_is_refused_in_one_line(tmp_path):
    os.mkfifo(tmp_path / "journal.jsonl")
    with pytest.raises(InputError, match="not a regular file"):
        read_journal(tmp_path)
    with Worker(tmp_path, "cpu") as worker, worker.alone(), pytest.raises(InputError, match="not a regular file"):
        worker.log("claimed", ["a"])


@linux
@pytest.mark.long
def test_two_users_who_cannot_see_each_other_take_each_other_for_alive(tmp_path):
    """With a real ``hidepid=2`` on a ``/proc`` of one's own, as nobody."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    tmp_path.chmod(0o755)
    path = post(tmp_path, "of root")
    path.chmod(0o644)
    script = (
        "import os, sys, time; from pathlib import Path; from benchmark.running.holds import seen_workers\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "print([seen.alive for seen in seen_workers(Path(sys.argv[1]), time.time())])"
    )
    hide = ["unshare", "--mount", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"]
    found = subprocess.run([*hide, sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False)
    if "mount" in found.stderr or "unshare" in found.stderr:
        pytest.skip(f"nothing can be mounted here: {found.stderr.strip()}")
    assert found.stdout == "[True]\n", found.stderr


def test_a_sign_of_life_from_the_future_is_none(tmp_path):
    """A clock was wrong, and is right again."""
    post(tmp_path, "of a clock that is a little fast", machine="another", age=-60)
    post(tmp_path, "of next year", machine="another", age=-3e7)
    assert alive(tmp_path) == {"of a clock that is a little fast"}
