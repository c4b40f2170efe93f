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


@pytest.fixture(scope="module")
def before_and_after(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Environment]:
    """What is listed in a new environment and once all packages are installed, and the environment."""
    folder = tmp_path_factory.mktemp("third-parties")
    here = Environment(folder / "venv")
    here.create()
    listed = here.dst_bench("list")
    # nothing is downloaded: the build backend and all that dst-bench depends on are installed
    packages = (FISHER, package_of_the_docs(folder / "package"), RINGS)
    here.pip("install", "-q", "--no-index", "--no-build-isolation", *packages)
    return listed, here.dst_bench("list"), here


OF_THIRD_PARTIES = {
    "fisher": "dst-bench-fisher 0.1.0 +Score",
    "mest_momentum": "mest-momentum 0.1.0 +Score",
    **dict.fromkeys(("rings", "skip_mlp", "balanced", "balanced-is-better"), r"dst-bench-rings 0\.1\.0 +\w"),
}


def test_what_third_parties_add_is_listed_while_it_is_installed(before_and_after):
    before, after, _ = before_and_after
    for name, described in OF_THIRD_PARTIES.items():
        assert re.search(rf"^{name} +{described}", after, re.M), name
        assert not re.search(rf"^{name} ", before, re.M), name
    assert re.search(r"^rings +33 .* Balanced growth on rings$", after, re.M)


def test_a_third_partys_criterion_is_checked_and_is_gone_when_it_is_uninstalled(before_and_after):
    _, _, here = before_and_after
    (checked,) = json.loads(here.dst_bench("contract", "fisher", "--quick", "--json"))
    outcomes = {each["property"]: each["outcome"] for each in checked["results"]}
    assert outcomes["state_roundtrip"] == outcomes["checkpoint_replay"] == "kept"
    assert "broken" not in outcomes.values()

    here.pip("uninstall", "-q", "-y", "dst-bench-fisher")
    listed = here.dst_bench("list", "criteria")
    assert not re.search("^fisher ", listed, re.M)
    assert re.search("^mest_momentum ", listed, re.M)


def test_third_parties_data_model_criterion_growth_claim_and_experiment_work_together(before_and_after):
    """All by entry points: they are checked, trained, judged and reported as what we ship is."""
    _, _, here = before_and_after
    some, own = ("--seeds", "1-2", "--density", "0.05"), "mest_momentum(lambda_=1)"
    # the gate knows neither the criterion nor the growth yet, so this checks the contract of both
    table = here.dst_bench("run", "rings", "--criteria", f"static,magnitude,{own}", *some)
    assert "--no-contract" not in table
    row = r"^(static|magnitude|mest_momentum\(lambda_=1\.0\)) +(–|random|balanced) +(\d+\.\d+ ± \d+\.\d+)$"
    accuracies = {(rule, growth): accuracy for rule, growth, accuracy in re.findall(row, table, re.M)}
    assert len(accuracies) == 5
    # the initial networks and the batches are the same: only what is pruned and grown can make a difference
    assert len(set(accuracies.values())) == 5

    cells = ("rings", "--criteria", "static,magnitude", *some)
    here.dst_bench("accept", *cells)
    assert re.search(r"balanced-is-better", here.dst_bench("check", *cells))
    here.dst_bench("report", "rings")
    page = next((here.home / "report").rglob("*.html")).read_text()
    for text in ("Balanced growth on rings", "Units with the fewest incoming weights", "Growing where units have few"):
        assert text in page


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
