"""Truth: whether what a GPU computes is what a CPU computes, alone or in fleets, and after an interruption.

In float64 the two differ by rounding errors that decide no selection, so masks have to be the same after every update.
"""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import yaml

from benchmark.accelerator.compared import CPU, Case, devices_compared, fleets_compared
from benchmark.accelerator.parts import Asked, Findings, Item
from benchmark.experiments.experiment import load_experiment
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.setup import TopologySettings
from benchmark.running.missing import train_missing
from benchmark.running.options import Options
from benchmark.training.members import Member, Recipe
from benchmark.verdicts.check import check_study
from benchmark.verdicts.expected import expected_file, read_expected
from benchmark.verdicts.rendering import render
from benchmark.verdicts.study import Study
from criteria.plugins import load, names
from criteria.rules import Resurrection, Scope

SCOPES: tuple[Scope, ...] = ("local", "global", "global_prune")
RULES: tuple[Resurrection, ...] = ("forbid", "allow", "restart")
PERIOD = 3
FLEETS = (1, 7, 64)
ROWS = Case({"name": "mlp", "widths": [24, 16]}, (16,), examples=180, batch_size=30, epochs=3)
IMAGES = Case({"name": "lenet5"}, (1, 28, 28), examples=90, batch_size=30, epochs=3)
KILLED = {
    "title": "A training that is killed",
    "data": "digits",
    "model": {"name": "mlp", "widths": [32]},
    "training": {"epochs": 80, "batch_size": 64, "learning_rate": 0.1},
    "topology": {"update_period": 20},
    "axes": {"criteria": ["magnitude", "snip"], "growths": ["gradient"], "densities": [0.2], "seeds": [1, 2, 3]},
}
"""Long enough that it can be killed in the middle, and short enough to be trained twice."""

CHECKPOINTS = 3
"""That are written before it is killed."""


def items() -> Iterable[Item]:
    """Masks by scope and rule, then verdicts, and then what fleets and interruptions change."""
    for scope, rule in itertools.product(SCOPES, RULES):
        yield Item(f"float64 masks: {scope}, {rule}", partial(_masks, scope=scope, rule=rule), 120)
    yield Item("float64 masks: convolutions", _masks_of_convolutions, 120)
    yield Item("fleets against alone: perceptron", partial(_fleets, case=ROWS), 120)
    yield Item("fleets against alone: convolutions", partial(_fleets, case=IMAGES), 120)
    yield Item("resume after a kill", _killed, 240)
    yield Item("verdicts of smoke", _smoke, 300)


def members_of(criteria: Sequence[str], scope: Scope, rule: Resurrection) -> list[Member]:
    """A member for each criterion and growth, with plugins of its own."""
    topology = TopologySettings(update_period=PERIOD, scope=scope, resurrection=rule)
    return [
        Member(1, 0.2, "erk", Recipe(load(criterion), load(growth, "growth"), topology))
        for criterion, growth in itertools.product(criteria, names("growth"))
    ]


def _masks(asked: Asked, scope: Scope, rule: Resurrection) -> Findings:
    asked.require_cuda("masks on a GPU are compared with those on a CPU")
    return devices_compared(partial(members_of, names(), scope, rule), ROWS, CPU, asked.device)


def _masks_of_convolutions(asked: Asked) -> Findings:
    asked.require_cuda("masks on a GPU are compared with those on a CPU")
    chosen = ("magnitude", "mest", "snip", "grasp", "reciprocal_sensitivity")
    return devices_compared(partial(members_of, chosen, "local", "forbid"), IMAGES, CPU, asked.device)


def _fleets(asked: Asked, case: Case) -> Findings:
    def member(index: int) -> Member:
        criterion, growth = (("magnitude", "random"), ("snip", "gradient"), ("running_snip", "momentum"))[index % 3]
        recipe = Recipe(load(criterion), load(growth, "growth"), TopologySettings(update_period=PERIOD))
        return Member(1 + index % 5, (0.1, 0.3)[index % 2], "erk", recipe)

    sizes = FLEETS if asked.device.type == "cuda" else FLEETS[:2]
    return fleets_compared(member, case, sizes, asked.device)


def _killed(asked: Asked) -> Findings:
    """Train, kill in the middle, go on, and compare with a training that nobody disturbed."""
    place = asked.folder.resolve() / "scratch" / f"killed-{time.time_ns()}"
    place.mkdir(parents=True)
    (place / "killed.yaml").write_text(yaml.safe_dump(KILLED))

    def command(results: str, checkpoint: str = "600") -> list[str]:
        options = ["--device", asked.device.type, "--engine", "dense", "--no-contract", "--checkpoint", checkpoint]
        return [sys.executable, "-m", "benchmark", "run", "killed.yaml", "--results", results, *options]

    child = subprocess.Popen(
        command("disturbed", "0.01"), cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    written: set[int] = set()
    try:
        while child.poll() is None and len(written) < CHECKPOINTS:
            written |= {path.stat().st_mtime_ns for path in place.glob("disturbed/killed/checkpoints/*.pt")}
            time.sleep(0.01)
    finally:
        child.kill()
        child.wait()
    before = list(place.glob("disturbed/killed/runs/*.json"))
    if before:
        raise RuntimeError("the training had ended before it could be killed")
    for results in ("disturbed", "undisturbed"):
        subprocess.run(command(results), cwd=place, capture_output=True, check=True)
    journal = (place / "disturbed" / "killed" / "journal.jsonl").read_text().splitlines()
    steps = [event["step"] for event in map(json.loads, journal) if event.get("step")]
    first, second = (_outcomes(place / results / "killed" / "runs") for results in ("disturbed", "undisturbed"))
    return {
        "went on from step": max(steps, default=0),
        "runs": len(second),
        "the same outcome, bit for bit": sum(first.get(run) == outcome for run, outcome in second.items()),
        "deviates": not steps or first != second,
    }


def _outcomes(folder: Path) -> dict[str, object]:
    return {path.stem: json.loads(path.read_text())["outcome"] for path in folder.glob("*.json")}


def _smoke(asked: Asked) -> Findings:
    asked.require_cuda("the stored values were made on a CPU, and `dst-bench reproduce smoke` compares those")
    experiment = load_experiment("smoke")
    folder = ResultsFolder(asked.folder / "scratch" / "results", experiment.name)
    began = time.monotonic()
    # stored results of an earlier call would be judged again, and not what this GPU computes now
    options = Options(asked.device.type, engine="dense", fresh=True, contract_skipped=True)
    results = train_missing(experiment, folder, options)
    seconds = time.monotonic() - began
    outcome = check_study(Study(experiment, results, read_expected(expected_file("smoke", None))))
    status = outcome.exit_status(strict=False)
    return {"seconds of training": seconds, "runs": len(results), "status": status, "deviates": status != 0,
            "verdicts": render(outcome)}  # fmt: skip
