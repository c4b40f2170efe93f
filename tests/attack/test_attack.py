"""Hundreds of generated faults: each ends in time, with a status that is documented and one line, or does its work.

They are others whenever the code is another, so that a run that is repeated says the same.
``DST_BENCH_ATTACK_SEED`` is for other ones, and ``DST_BENCH_ATTACK_FAULTS`` for another number.
"""

import os
import re
import shutil
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import yaml

from benchmark.commands.cli import main
from tests.attack.faults import SMALL, faults
from tests.installed import unique
from tests.seeds import seed_of_code

SEED = int(os.environ.get("DST_BENCH_ATTACK_SEED") or seed_of_code())
LONG = int(os.environ.get("DST_BENCH_ATTACK_FAULTS", "350"))
SECONDS = 600


class HungError(BaseException):
    """A command did not end in time."""


@contextmanager
def that_ends():
    def hung(*_):
        raise HungError

    before = signal.signal(signal.SIGALRM, hung)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with an experiment, its results and its expected values."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(SMALL))
    at = ["--results", str(folder / "results")]
    assert main(["run", str(folder / "tiny.yaml"), "--no-contract", *at]) == 0
    assert main(["accept", str(folder / "tiny.yaml"), *at, "--expected", str(folder / "expected_results")]) == 0
    return folder


@pytest.fixture
def attacked(whole, tmp_path, site, monkeypatch, capfd):
    """Tries a fault in a copy of the folder, and says what was wrong about how it ended; None where nothing was."""

    def attack(number, fault):
        folder = tmp_path / str(number)
        shutil.copytree(whole, folder)
        module = unique("odd_plugins")
        with monkeypatch.context() as patch:
            patch.chdir(folder)
            for name, content in fault.files.items():
                Path(name).parent.mkdir(parents=True, exist_ok=True)
                Path(name).write_bytes(content)
            if fault.plugin is not None:
                entry = fault.entry_points.format(module=module)
                site.install(
                    module.replace("_", "-"), {f"{module}.py": fault.plugin}, f"[dst_bench.criteria]\nodd = {entry}\n"
                )
            patch.setenv("XDG_STATE_HOME", str(folder / "state"))
            patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
            for name, value in fault.environment.items():
                patch.setenv(name, value)
            try:
                with that_ends():
                    status = main(fault.command)
            except BaseException as error:  # nothing may come out
                status = error
            problem = _problem(status, *capfd.readouterr(), fault.command)
            if os.getcwd() != str(folder) or torch.get_default_dtype() != torch.float32:
                problem = problem or "the process is no longer what it was"
        if fault.plugin is not None:
            shutil.rmtree(site.folder / f"{module}-1.dist-info")
            (site.folder / f"{module}.py").unlink()
            site.refresh()
        shutil.rmtree(folder)
        torch.set_default_dtype(torch.float32)
        return problem

    return attack


def _problem(status, out, err, command):
    if status not in (0, 1, 2, 3):
        return f"status {status!r}: {err[-600:]}"
    if HungError.__name__ in err:
        return f"not in time: {err[-600:]}"
    if "Traceback" in out + err:
        return f"a traceback: {err[-600:]}"
    if "\x1b" in out + err:
        return "an escape character reached the terminal"
    said = [line for line in err.splitlines() if re.match(r"dst-bench( \w+)?: ", line) and "left out" not in line]
    if status == 2 and len(said) != 1:
        return f"status 2 with {len(said)} lines: {err[-600:]}"
    if status == 0 and command[:1] == ["lsit"]:
        return "a command that is not there was done"
    return None


def _attack(attacked, whole, count):
    print(f"DST_BENCH_ATTACK_SEED={SEED}")
    runs = [path.stem for path in (whole / "results" / "tiny" / "runs").glob("*.json")]
    found = []
    for number, fault in enumerate(faults(SEED, count, sorted(runs))):
        if (problem := attacked(number, fault)) is not None:
            found.append(f"{number}: {fault.what}: {' '.join(fault.command)[:200]}\n    {problem}")
    assert not found, f"DST_BENCH_ATTACK_SEED={SEED}: {len(found)} of {count}\n" + "\n".join(found)


def test_a_few_generated_faults_end_well(attacked, whole):
    _attack(attacked, whole, 10)


@pytest.mark.long
def test_hundreds_of_generated_faults_end_well(attacked, whole):
    _attack(attacked, whole, LONG)
