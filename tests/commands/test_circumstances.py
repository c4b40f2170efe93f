"""Every command ends in every circumstance as it ends on a usual machine, with at most one line for what is wrong.

One process for each circumstance runs all commands that need no torch, one after another. By default there is one
circumstance of each kind; ``long`` has the others, and the commands that compute.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from benchmark.commands.cli import COMMANDS
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.outcome import Outcome
from benchmark.experiments.results import Result, ResultsFolder, Timing
from benchmark.experiments.runs import expand
from benchmark.training.fingerprint import code_of_setup
from tests.running.tiny import TINY

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs a shell")

ALL = """
import json, sys
from pathlib import Path
from benchmark.commands.cli import main
Path(sys.argv[2]).write_text(json.dumps({" ".join(each): main(each) for each in json.loads(sys.argv[1])}))
"""
MAIN = "import sys, dst_bench; sys.exit(dst_bench.main())"
QUICK = [
    ["list"], ["list", "growth"], ["list", "experiments"], ["info"], ["--version"], ["--help"], ["run", "--help"], [],
    ["status", "tiny.yaml"], ["status", "tiny.yaml", "--json"], ["status", "gone.yaml"], ["run", "tiny.yaml"],
    ["run", "tiny.yaml", "--criteria", "magnitud"], ["accept", "tiny.yaml"], ["check", "tiny.yaml"],
    ["check", "moved.yaml"], ["check", "smoek"], ["report", "smoke"], ["bench", "nothing"], ["gpu", "nothing"],
    ["reproduce", "smoek"], ["rank", "tiny.yaml"], ["compare", "tiny.yaml"], ["tune", "mest"],
    ["pack", "gone.yaml"], ["unpack", "smoek"],
]  # fmt: skip
LONG = [
    ["contract", "magnitude", "--max-examples", "1"], ["contract", "magnitude", "--max-examples", "1", "--json"],
    ["report", "tiny.yaml"], ["reproduce", "tiny.yaml"], ["run", "tiny.yaml", "--fresh", "--no-contract"],
    ["run", "tiny.yaml", "--dry-run", "--fresh"], ["run", "tiny.yaml", "--dry-run", "--synthetic"],
    ["info", "--device", "cpu"],
]  # fmt: skip
USUAL = "usual"
BELOW_HOME = dict.fromkeys(("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"))
"""No variable says where the user's folders are, so that they are looked for below the home."""
CIRCUMSTANCES = {
    "optimised": {"env": {"PYTHONOPTIMIZE": "2"}},
    "ascii": {"env": {"PYTHONIOENCODING": "ascii"}},
    "latin-1": {"env": {"PYTHONIOENCODING": "latin-1"}},
    "cp1252": {"env": {"PYTHONIOENCODING": "cp1252"}},
    "C locale": {"env": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}},
    "unknown locale": {"env": {"LC_ALL": "xx_YY.nonsense"}},
    "stdout closed": {"shell": ">&-"},
    "stderr closed": {"shell": "2>&-"},
    "all closed": {"shell": "<&- >&- 2>&-"},
    "no HOME": {"env": {"HOME": None, **BELOW_HOME}},
    "HOME that is not there": {"env": {"HOME": "/nonexistent", **BELOW_HOME}},
    "HOME that cannot be written": {"env": {"HOME": "/proc", **BELOW_HOME}},
    "relative HOME": {"env": {"HOME": "here", **BELOW_HOME}},
    "cache that is a file": {"env": {"XDG_CACHE_HOME": "/dev/null", "XDG_STATE_HOME": "/dev/null"}},
    "no temporary folder": {"env": {"TMPDIR": "/nonexistent"}},
    "unknown backend": {"env": {"MPLBACKEND": "nonsense"}},
    "backend without a screen": {"env": {"MPLBACKEND": "tkagg", "DISPLAY": None}},
    "no columns": {"env": {"COLUMNS": "0"}},
    "columns that are no number": {"env": {"COLUMNS": "x", "LINES": "-1"}},
    "colours": {"env": {"FORCE_COLOR": "1", "TERM": "xterm"}},
    "no terminal type": {"env": {"TERM": None, "PYTHONWARNINGS": "default"}},
    "threads that are no number": {"env": {"OMP_NUM_THREADS": "none"}},
    "no PATH": {"env": {"PATH": ""}},
}


OF_EACH_KIND = (
    *("optimised", "ascii", "C locale", "stdout closed", "all closed", "no HOME", "HOME that cannot be written"),
    *("no temporary folder", "unknown backend", "columns that are no number", "no terminal type"),
)
NAMES = [pytest.param(name, marks=[] if name in OF_EACH_KIND else [pytest.mark.long]) for name in CIRCUMSTANCES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An experiment whose runs have results, and expected values from which a copy of it has moved."""
    folder = tmp_path_factory.mktemp("circumstances")
    for name, accuracy in (("tiny", 90.0), ("moved", 60.0)):
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**TINY, "training": {**TINY["training"], "epochs": 2}}))
        place = ResultsFolder(folder / "results", name)
        for run in expand(load_experiment(str(path))):
            place.store(_made_up(run, name, accuracy + run.seed / 10))
    content = {**os.environ, "PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-m", "benchmark", "accept", "tiny.yaml"], cwd=folder, check=True, env=content)
    expected = folder / "expected_results"
    text = (expected / "tiny.yaml").read_text()
    (expected / "moved.yaml").write_text(text.replace("experiment: tiny", "experiment: moved"))
    return folder


def _made_up(run, name, accuracy):
    return Result(
        id=run.id,
        experiment=name,
        settings=run.settings,
        outcome=Outcome(accuracy, accuracy, 1, [accuracy], {"fc1.weight": 0.2}),
        code=code_of_setup(run.setup),
        environment={"dst-bench": "0.1.0", "torch": "2.11.0", "python": "3.11.2", "device": "CPU", "threads": 1},
        time=Timing(finished="2026-03-14T12:00:00+00:00", fleet_seconds=1.5, fleet_size=4),
    )


def run_in(folder, commands, tmp_path, env=(), shell=""):
    """The status of each command, all that was said on stderr, and all on stdout."""
    commands = [each for each in commands if not each or each[0].startswith("--") or each[0] in COMMANDS]
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "XDG_CACHE_HOME": str(tmp_path), **dict(env)}
    environment = {name: value for name, value in environment.items() if value is not None}
    script = [sys.executable, "-c", ALL, json.dumps(commands), str(tmp_path / "statuses")]
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {shell}', "sh", *script],
        cwd=folder, env=environment, capture_output=True, check=False, timeout=600,
    )  # fmt: skip
    statuses = tmp_path / "statuses"
    assert statuses.exists(), done.stderr.decode(errors="replace")
    return json.loads(statuses.read_text()), done.stderr.decode(errors="replace"), done.stdout.decode(errors="replace")


@pytest.fixture(scope="module")
def usual(folder, tmp_path_factory):
    return run_in(folder, QUICK, tmp_path_factory.mktemp("usual"))


def test_on_a_usual_machine_every_status_is_one_that_is_documented_and_every_error_one_line(usual):
    statuses, said, _ = usual
    assert {each.partition(" ")[0] for each in statuses} >= set(COMMANDS) - {"contract"}
    assert statuses["check moved.yaml"] == 1
    assert statuses["check tiny.yaml"] == statuses["accept tiny.yaml"] == statuses["run tiny.yaml"] == 0
    for each in ("status gone.yaml", "run tiny.yaml --criteria magnitud", "check smoek", "report smoke"):
        assert statuses[each] == 2
    assert set(statuses.values()) <= {0, 1, 2}
    _check_lines(statuses, said)


def _check_lines(statuses, said):
    lines = said.splitlines()
    errors = sum(status == 2 for status in statuses.values())
    assert "Traceback" not in said
    assert sum(line.startswith("dst-bench") for line in lines) == errors, said
    assert "\x1b" not in said


@pytest.mark.parametrize("name", NAMES)
def test_a_circumstance_changes_no_status_and_adds_no_line(name, folder, usual, tmp_path):
    statuses, said, _ = run_in(folder, QUICK, tmp_path, **CIRCUMSTANCES[name])
    assert statuses == usual[0]
    if "2>&-" not in CIRCUMSTANCES[name].get("shell", ""):
        _check_lines(statuses, said)
    assert not (folder / "~").exists()


@pytest.mark.long
@pytest.mark.parametrize("name", [USUAL, *CIRCUMSTANCES])
def test_commands_that_compute_end_well_in_every_circumstance(name, folder, tmp_path):
    statuses, said, out = run_in(folder, LONG, tmp_path, **CIRCUMSTANCES.get(name, {}))
    assert set(statuses.values()) == {0}, said
    assert "Traceback" not in said + out


@pytest.mark.parametrize("command", ["list growth", "--help", "status tiny.yaml --json", "check tiny.yaml"])
def test_a_full_disk_under_the_output_is_one_line(command, folder):
    if not Path("/dev/full").exists():
        pytest.skip("there is no device that is always full")
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    script = f"{sys.executable} -m benchmark {command} > /dev/full"
    done = subprocess.run(["/bin/sh", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "No space left" in done.stderr


def test_a_folder_that_was_removed_under_the_command_is_no_traceback(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    script = f"mkdir gone && cd gone && rmdir ../gone && {sys.executable} -c '{MAIN}' list growth"
    done = subprocess.run(["/bin/sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", ["accept smoke", "pack smoke", "report smoke"])
def test_a_folder_that_was_removed_is_said_to_be_gone(arguments, folder, tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    results = f"--results {folder / 'results'}"
    command = f"{sys.executable} -m benchmark {arguments.replace('smoke', str(folder / 'tiny.yaml'))} {results}"
    script = f"mkdir gone && cd gone && rmdir ../gone && {command}"
    done = subprocess.run(["/bin/sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    said = "dst-bench: the folder that this command was started in is gone; change into one that is there\n"
    assert (done.returncode, done.stderr) == (2, said)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("wait", [0.0, 0.1, 0.3])
def test_a_signal_in_the_first_second_is_no_traceback(name, wait, folder):
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    begun = "asked = dst_bench.shadowed; dst_bench.shadowed = lambda: print('begun', flush=True) or asked(); "
    script = f"import dst_bench; {begun}{MAIN}"  # said by the command's first own line, where it hears signals
    process = subprocess.Popen(
        [sys.executable, "-c", script, "list"], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == "begun\n"
    time.sleep(wait)
    process.send_signal(getattr(signal, name))
    _, said = process.communicate(timeout=600)
    assert "Traceback" not in said
    assert process.returncode in (0, 128 + getattr(signal, name), -getattr(signal, name)), said
    assert said.count("\n") <= 1
