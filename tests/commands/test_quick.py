"""What trains nothing starts at once: it imports nothing that takes seconds. Modules are counted, not seconds."""

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "sklearn", "pandas", "matplotlib", "hypothesis")
COUNT = f"""
import sys
from benchmark.commands.cli import main
status = main(sys.argv[1:])
heavy = {{name.partition(".")[0] for name in sys.modules}} & set({HEAVY!r})
print("heavy:", *sorted(heavy), "status:", status)
"""


def imported(*arguments, folder):
    """The heavy packages that a command imports, and its status, from a process of its own."""
    found = subprocess.run([sys.executable, "-c", COUNT, *arguments], cwd=folder, capture_output=True, text=True)
    heavy, _, status = found.stdout.splitlines()[-1].partition("heavy:")[2].partition("status:")
    return heavy.split(), int(status), found.stderr


LIGHT = {
    "list": 0,
    "list criteria": 0,
    "info": 0,
    "status smoke": 0,
    "lsit": 2,
    "check smoek": 2,
    "accept smoke": 2,
    "report smoke": 2,
    "run smoek": 2,
    "bench nothing": 2,
    "--help": 0,
    "run --help": 0,
    "--version": 0,
}
"""Commands and their status."""
COUNT_EACH = f"""
import json, sys
from benchmark.commands.cli import main
found = {{}}
for command in sys.argv[1:]:
    before = set(sys.modules)
    status = main(command.split())
    heavy = {{name.partition(".")[0] for name in set(sys.modules) - before}} & set({HEAVY!r})
    found[command] = [sorted(heavy), status]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def one_after_another(tmp_path_factory):
    """What each of the commands imports that none before it has, and its status: one process, since starting is slow.

    Nothing heavy is imported by any of them, so each is as light in a process of its own.
    """
    command = [sys.executable, "-c", COUNT_EACH, *LIGHT]
    found = subprocess.run(command, cwd=tmp_path_factory.mktemp("light"), capture_output=True, text=True, check=True)
    return json.loads(found.stdout.splitlines()[-1]), found.stderr


@pytest.mark.parametrize("command", LIGHT)
def test_commands_that_train_nothing_import_nothing_heavy(command, one_after_another):
    found, said = one_after_another
    assert found[command] == [[], LIGHT[command]], said


def test_a_run_that_finds_all_results_there_imports_no_torch(tmp_path):
    run = ["run", "smoke", "--criteria", "static", "--density", "0.05", "--seeds", "1", "--set", "training.epochs=1"]
    heavy, status, said = imported(*run, folder=tmp_path)
    assert (status, "torch" in heavy) == (0, True), said
    heavy, status, said = imported(*run, folder=tmp_path)
    assert (heavy, status) == ([], 0)
    assert "1 run stored, 0 to train" in said


REPORT = """
import sys
from benchmark.experiments.cells import Cell
from benchmark.report.figures.axes import mest_lambda
from benchmark.report.writing import write_report
print(mest_lambda(Cell("mest", "random", 0.1)), mest_lambda(Cell("mest(lambda_=0.5)", "random", 0.1)))
print("torch" in sys.modules)
"""


def test_a_report_is_made_without_torch_also_where_it_asks_a_criterion_for_its_defaults(tmp_path):
    found = subprocess.run([sys.executable, "-c", REPORT], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["1.0", "0.5", "False"]
