"""A third party's criteria: the package in examples/, and the one that the docs have their reader write."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from benchmark.experiments.cells import Cell
from benchmark.system.user import cache_folder
from criteria import Layer

ROOT = Path(__file__).parents[1]
FISHER = ROOT / "examples/fisher"
RINGS = ROOT / "examples/rings"


@dataclass(frozen=True)
class Environment:
    """A virtual environment of its own that also sees the packages of the running one, since torch is large."""

    home: Path

    @property
    def python(self) -> Path:
        return self.home / "bin/python"

    def create(self) -> None:
        venv.create(self.home)
        packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(self.home)}))
        # not PYTHONPATH: an editable install is found by a .pth file, which only counts in a site folder
        (packages / "running.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
        if (known := cache_folder() / "contracts").exists():  # what we ship need not be checked once more
            shutil.copytree(known, self.home / "cache/dst-bench/contracts")

    def pip(self, *arguments: str | Path) -> None:
        subprocess.run([sys.executable, "-m", "pip", "--python", self.python, *arguments], check=True)

    def dst_bench(self, *arguments: str) -> str:
        """What the command prints; fails with all its output unless it exits with 0."""
        command = [self.python, "-m", "benchmark", *arguments]
        done = subprocess.run(command, cwd=self.home, env=self._variables(), capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _variables(self) -> dict[str, str]:
        own = {"XDG_CACHE_HOME": str(self.home / "cache"), "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
        return {**os.environ, **own}


def package_of_the_docs(folder):
    """The files that the page on contributing prints."""
    page = (ROOT / "docs/contribute.md").read_text()
    blocks = dict(re.findall(r"^```(python|toml)\n(.*?)^```$", page, re.M | re.S))
    folder.mkdir()
    (folder / "mest_momentum.py").write_text(blocks["python"])
    (folder / "pyproject.toml").write_text(blocks["toml"])
    return folder


def test_a_third_partys_criteria_are_listed_checked_and_trained_while_they_are_installed(tmp_path):
    here = Environment(tmp_path / "venv")
    here.create()
    listed = here.dst_bench("list", "criteria")
    assert "fisher" not in listed
    assert "mest_momentum" not in listed

    # nothing is downloaded: the build backend and all that dst-bench depends on are installed
    here.pip("install", "-q", "--no-index", "--no-build-isolation", FISHER, package_of_the_docs(tmp_path / "package"))
    listed = here.dst_bench("list", "criteria")
    assert re.search(r"^fisher +dst-bench-fisher 0\.1\.0 +Score", listed, re.M)
    assert re.search(r"^mest_momentum +mest-momentum 0\.1\.0 +Score", listed, re.M)

    checked = json.loads(here.dst_bench("contract", "fisher", "mest_momentum", "--quick", "--json"))
    outcomes = {(plugin["name"], each["property"]): each["outcome"] for plugin in checked for each in plugin["results"]}
    for name in ("fisher", "mest_momentum"):
        assert outcomes[name, "state_roundtrip"] == outcomes[name, "checkpoint_replay"] == "kept"
    assert "broken" not in outcomes.values()

    # the gate does not know it yet, so this checks the contract again, on more examples
    few = ["--criteria", "static,mest_momentum(lambda_=1)", "--growth", "gradient", "--density", "0.05"]
    short = ["--seeds", "1", "--set", "training.epochs=2", "--set", "topology.update_period=10"]
    table = here.dst_bench("run", "smoke", *few, *short)
    assert "--no-contract" not in table
    rows = re.findall(r"^(static|mest_momentum\(lambda_=1\.0\)) .* (\d+\.\d+) \(1 seed\)$", table, re.M)
    assert len(rows) == 2
    # the initial network and the batches are the same: only what is pruned can make a difference
    assert len({accuracy for _, accuracy in rows}) == 2

    here.pip("uninstall", "-q", "-y", "dst-bench-fisher")
    listed = here.dst_bench("list", "criteria")
    assert "fisher" not in listed
    assert "mest_momentum" in listed


@pytest.fixture
def fisher(monkeypatch):
    """The example's class."""
    monkeypatch.syspath_prepend(FISHER)
    return __import__("dst_bench_fisher").Fisher


def layer_at(step, mask):
    """Different weights and gradients at every step."""
    weight, grad = torch.randn(2, *mask.shape, generator=torch.Generator().manual_seed(step))
    return Layer("fc1", weight * mask, grad, mask, step)


def test_fisher_weighs_weights_by_the_moving_average_of_the_squared_gradient(fisher):
    criterion, mask = fisher(beta=0.8), torch.tensor([True, True, True, False])
    layers = [layer_at(step, mask) for step in range(3)]
    for layer in layers:
        criterion.observe(layer)
    first, second, third = (layer.grad.square() for layer in layers)
    average = 0.8**2 * first + 0.2 * (0.8 * second + third)
    now = layer_at(9, mask)
    torch.testing.assert_close(criterion.score(now)[mask], (now.weight.square() * average).sqrt()[mask])


def test_fisher_forgets_a_weight_that_was_inactive_and_no_other(fisher):
    before, after = torch.tensor([True, True, False, False]), torch.tensor([True, False, True, False])
    criterion = fisher(beta=0.8)
    old, new, now = layer_at(0, before), layer_at(1, after), layer_at(9, after)
    criterion.observe(old)
    criterion.observe(new)
    kept = 0.8 * old.grad[0].square() + 0.2 * new.grad[0].square()
    torch.testing.assert_close(criterion.score(now)[0], now.weight[0].abs() * kept.sqrt())
    torch.testing.assert_close(criterion.score(now)[2], (now.weight * new.grad)[2].abs())


def test_a_data_set_a_model_a_growth_a_claim_and_an_experiment_come_in_one_package(tmp_path):
    """All by entry points: they are listed, checked, trained, judged and reported as what we ship is."""
    here = Environment(tmp_path / "venv")
    here.create()
    here.pip("install", "-q", "--no-index", "--no-build-isolation", RINGS)
    listed = here.dst_bench("list")
    for name in ("rings", "skip_mlp", "balanced", "balanced-is-better"):
        assert re.search(rf"^{name} +dst-bench-rings 0\.1\.0 +\w", listed, re.M), name
    assert re.search(r"^rings +33 .* Balanced growth on rings$", listed, re.M)

    # this checks the contract of the growth, too
    here.dst_bench("run", "rings", "--criteria", "magnitude,static", "--seeds", "1-2", "--density", "0.2")
    here.dst_bench("accept", "rings", "--criteria", "magnitude,static", "--seeds", "1-2", "--density", "0.2")
    judged = here.dst_bench("check", "rings", "--criteria", "magnitude,static", "--seeds", "1-2", "--density", "0.2")
    assert re.search(r"balanced-is-better", judged)
    here.dst_bench("report", "rings")
    page = next((here.home / "report").rglob("*.html")).read_text()
    for text in ("Balanced growth on rings", "Units with the fewest incoming weights", "Growing where units have few"):
        assert text in page


@pytest.fixture
def rings(monkeypatch):
    """The modules of the example with parts of every kind."""
    monkeypatch.syspath_prepend(RINGS)
    return {name: importlib.import_module(f"dst_bench_rings.{name}") for name in ("data", "growth", "claim")}


def test_rings_look_as_they_say(rings, tmp_path):
    source = rings["data"].Rings(classes=3, examples=500)
    dataset, look = source.load(tmp_path), source.look
    assert dataset.train.inputs.shape == (look.examples, *look.shape)
    assert (dataset.classes, set(dataset.train.targets.tolist())) == (look.classes, {0, 1, 2})
    assert look.low <= dataset.train.inputs.min() < 0 < dataset.train.inputs.max() <= look.high


def test_balanced_growth_fills_the_units_with_the_fewest_weights(rings):
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]], dtype=torch.bool)
    layer = Layer("fc1", torch.zeros(mask.shape), None, mask)
    for n, counts in ((1, [3, 1, 1]), (2, [3, 1, 2]), (5, [3, 3, 3]), (8, [4, 4, 4]), (11, [5, 5, 5])):
        grown = rings["growth"].Balanced().select(layer, n, ~mask)
        assert sorted((mask | grown).sum(1).tolist()) == sorted(counts)


def test_the_claim_is_about_the_mean_difference_of_two_growths(rings):
    def samples(gain):
        return {
            Cell("magnitude", growth, density): {
                seed: 80 + seed / 7 + (growth == "balanced") * gain for seed in range(5)
            }
            for growth in ("random", "balanced")
            for density in (0.1, 0.2)
        }

    judge = rings["claim"].balanced_is_better.judge
    assert judge(samples(2.0), 1.0).verdict == "supported"
    assert judge(samples(-2.0), 1.0).verdict == "contradicted"
    assert judge(samples(2.0), 1.0).effect.value == pytest.approx(2.0)
    assert judge({Cell("static", None, 0.1): {1: 80.0}}, 1.0) is None
