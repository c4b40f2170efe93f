"""A fleet is as large as memory allows, and where that was too large it shrinks and goes on."""

import io
import itertools
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.runs import expand
from benchmark.running.options import Options
from benchmark.running.plan import FleetSizes, plan_fleets
from benchmark.running.progress import Progress
from benchmark.running.sharing import share_work
from benchmark.training import memory, updates
from benchmark.training.engines.dense import DenseEngine
from benchmark.training.memory import fleet_size
from criteria.errors import is_out_of_memory

CPU = torch.device("cpu")
SETTINGS = ("training.epochs=1", "training.batch_size=256", "topology.update_period=2", "model.widths=[16]")


def some_runs():
    """Ten runs of ``smoke`` that together train in a second."""
    axes = {"criteria": ["magnitude", "running_snip"], "growths": ["gradient"], "densities": [0.2], "seeds": [1, 2, 3]}
    return expand(load_experiment("smoke", SETTINGS, axes, ["static"]))


def trained(runs, folder):
    """Trains ``runs``; returns the outcomes by run id, and what was said meanwhile."""
    said, results = io.StringIO(), ResultsFolder(folder, "smoke")
    with Progress(len(runs), Console(file=said, soft_wrap=True)) as progress:
        share_work(runs, results, Options("cpu"), progress)
    return {run.id: result.outcome for run, result in results.read_all(runs)}, said.getvalue()


@pytest.fixture
def room_for(monkeypatch):
    """Makes every fleet of more members than this run out of memory in the middle of an epoch."""
    plain = DenseEngine.backward

    def limit(most, error):
        calls = []

        def backward(self, batch):
            calls.append(len(self.members))
            if len(self.members) > most and calls.count(len(self.members)) == 4:
                raise error
            return plain(self, batch)

        monkeypatch.setattr(DenseEngine, "backward", backward)

    return limit


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The outcomes of all runs in one fleet, and what was said meanwhile."""
    return trained(some_runs(), tmp_path_factory.mktemp("whole"))


CUDA, PYTHON = torch.OutOfMemoryError("CUDA out of memory"), MemoryError()


@pytest.mark.parametrize(
    ("most", "error"),
    # fleets of one take longest, and either error is known for what it is in one place
    [(3, CUDA), (3, PYTHON), (1, CUDA), pytest.param(1, PYTHON, marks=pytest.mark.long)],
    ids=["3-cuda", "3-python", "1-cuda", "1-python"],
)
def test_a_fleet_that_runs_out_of_memory_is_halved_and_says_so_and_its_results_stay_the_same(
    most, error, room_for, undisturbed, tmp_path
):
    runs, (whole, said) = some_runs(), undisturbed
    assert "not enough memory" not in said
    room_for(most, error)
    halved, said = trained(runs, tmp_path)
    assert halved == whole
    assert len(halved) == len(runs)
    assert f"not enough memory for {len(runs)} networks at once; going on with {(len(runs) + 1) // 2}" in said


def test_running_out_of_memory_in_a_topology_update_is_no_failure_of_the_criterion(tmp_path, monkeypatch):
    plain, scarce = updates.update_layers, [torch.OutOfMemoryError("CUDA out of memory")]

    def update_layers(*arguments):
        if scarce:
            raise scarce.pop()
        return plain(*arguments)

    monkeypatch.setattr(updates, "update_layers", update_layers)
    outcomes, said = trained(some_runs(), tmp_path)
    assert len(outcomes) == len(some_runs())
    assert "going on with 5" in said


def test_an_error_that_is_not_about_memory_is_not_taken_for_one(room_for, tmp_path):
    room_for(1, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        trained(some_runs(), tmp_path)


def test_what_torch_says_when_a_tensor_does_not_fit_is_known_as_running_out_of_memory():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


REAL_LIMIT = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.training import test_memory
test_memory.memory.CPU_FLEET_BYTES = 2**30
runs = test_memory.some_runs_of_wide_networks()
test_memory.trained(runs[:1], Path({folder!r}) / "first")
before = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (before + 60 * 2**20, -1))
outcomes, said = test_memory.trained(runs, Path({folder!r}))
print(len(outcomes), said)
"""


def some_runs_of_wide_networks():
    """Sixteen networks of 458,000 weights, 9 MB each while they train."""
    axes = {"criteria": [], "growths": ["random"], "densities": [0.2], "seeds": range(16)}
    return expand(load_experiment("smoke", (*SETTINGS[:3], "model.widths=[640, 640]"), axes, ["static"]))


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
def test_a_process_whose_memory_is_really_limited_trains_every_run(tmp_path):
    script = REAL_LIMIT.format(root=str(Path(__file__).parents[2]), folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("16 ")
    assert "not enough memory for 16 networks at once; going on with 8" in done.stdout


def size(widths=(64,), inputs=(64,), batch_size=32):
    return fleet_size({"name": "mlp", "widths": list(widths)}, inputs, 10, batch_size, CPU)


widths = st.lists(st.integers(1, 3000), min_size=1, max_size=3)


@settings(max_examples=30, deadline=None)
@given(widths=widths, more=st.integers(1, 500), batch_size=st.integers(1, 4096))
def test_larger_networks_and_larger_batches_make_no_larger_fleet_and_there_is_always_one_member(
    widths, more, batch_size
):
    members = size(widths, batch_size=batch_size)
    assert members >= 1
    assert size(widths, batch_size=batch_size + more) <= members
    assert size([width + more for width in widths], batch_size=batch_size) <= members
    assert size(widths, inputs=(64 + more,), batch_size=batch_size) <= members


@settings(max_examples=30, deadline=None)
@given(widths=widths, batch_size=st.integers(1, 4096))
def test_weights_gradients_momentum_and_the_best_checkpoint_of_a_fleet_fit_into_its_budget(widths, batch_size):
    members = size(widths, batch_size=batch_size)
    sizes = [64, *widths, 10]
    weights = sum(before * after + after for before, after in itertools.pairwise(sizes))
    assert members == 1 or members * 4 * 4 * weights <= memory.CPU_FLEET_BYTES


@settings(max_examples=20, deadline=None)
@given(megabytes=st.floats(0.01, 4))
def test_the_planned_fleets_hold_every_run_once_and_are_of_nearly_equal_size(megabytes):
    runs = some_runs()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "CPU_FLEET_BYTES", megabytes * 2**20)
        fleets = plan_fleets(runs, FleetSizes(CPU, None))
        most = size([16], batch_size=256)
    sizes = [len(fleet) for fleet in fleets]
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1
    assert sorted(run.id for fleet in fleets for run in fleet) == sorted(run.id for run in runs)


PEAK = """
import resource
from benchmark.commands.cli import main
status = main({arguments!r})
print(status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ru_maxrss has other units")
@pytest.mark.parametrize(("experiment", "gigabytes"), [("smoke", 2), ("fmnist-lenet300", 6)])
def test_an_experiment_stays_within_its_memory(experiment, gigabytes, tmp_path):
    arguments = ["run", experiment, "--seeds", "1", "--set", "training.epochs=1", "--no-contract"]
    arguments += ["--results", str(tmp_path), "--device", "cpu"]
    done = subprocess.run([sys.executable, "-c", PEAK.format(arguments=arguments)], capture_output=True, text=True)
    if " is not in " in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    status, kilobytes = done.stdout.splitlines()[-1].split()
    assert status == "0", done.stderr
    assert int(kilobytes) * 1024 < gigabytes * 2**30
