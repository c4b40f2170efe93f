"""The panel: the runs of fmnist-cnn, in fleets that end in the time that is left and that go on where they were.

Results are stored in ``results`` of the folder, as ``dst-bench run --results`` has them.
"""

import json
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from benchmark.accelerator.networks import DEFAULT, NETWORKS, RATE, best_way, key
from benchmark.accelerator.notes import Notes, notes_of
from benchmark.accelerator.parts import Asked, Findings, Item
from benchmark.experiments.cost import total_steps
from benchmark.experiments.part import Part
from benchmark.experiments.results import ResultsFolder
from benchmark.experiments.setup import Setup
from benchmark.running.missing import train_missing
from benchmark.running.options import Options
from benchmark.system.files import write_atomically
from benchmark.training.engines.execution import Execution, executing

EXPERIMENT = "fmnist-cnn"
NETWORK = NETWORKS[0]
RULES = ("forbid", "allow")
"""What may come back in the same update; the experiment says ``forbid``."""
USED = 0.8
"""Share of the time that is left which a fleet is planned to take; updates and evaluations come on top of its steps."""
NO_LIMIT = 7 * 86400.0


def items() -> Iterable[Item]:
    """The experiment under each rule; an item ends when all its runs have a result, in this call or a later one."""
    for rule in RULES:
        yield Item(f"{EXPERIMENT}, {rule}", partial(_train, rule=rule), NO_LIMIT)


def _train(asked: Asked, rule: str) -> Findings:
    asked.require_cuda(f"`dst-bench run {EXPERIMENT}` trains it on a CPU")
    changed = () if rule == RULES[0] else (f"topology.resurrection={rule}",)
    experiment = Part(settings=changed).select(EXPERIMENT)
    folder = ResultsFolder(asked.folder / "results", experiment.name)
    speed = notes_of(asked.folder, "speed")
    most, execution = _kept_plan(asked.folder, speed, experiment.setups[0][1], asked.until - time.time())
    began = time.monotonic()
    print(f"{EXPERIMENT}, {rule}: fleets of at most {most}, computed {execution or 'by default'}", flush=True)
    with executing(execution):
        options = Options(asked.device.type, asked.data_dir, engine="dense", most=most, checkpoint_seconds=60.0)
        results = train_missing(experiment, folder, options)
    return {"runs": len(results), "seconds of this call": time.monotonic() - began, "fleets of at most": most or "any",
            "computed": str(execution or "by default")}  # fmt: skip


def _kept_plan(folder: Path, speed: Notes, setup: Setup, left: float) -> tuple[int | None, Execution | None]:
    """The plan of an earlier call, whose checkpoints are of its fleets, or a new one."""
    path = folder / "scratch" / "panel-plan.json"
    if path.exists():
        kept = json.loads(path.read_text())
        execution = kept["execution"]
        return kept["most"], None if execution is None else Execution(**execution)
    best = best_way(NETWORK, speed) if speed.items else None
    execution = best[0].execution if best is not None else None
    most = fleet_for(speed, setup, left)
    write_atomically(path, json.dumps({"most": most, "execution": None if execution is None else vars(execution)}))
    return most, execution


def fleet_for(speed: Notes, setup: Setup, left: float) -> int | None:
    """The largest fleet that ends in the seconds that are ``left``; the most efficient one where none does.

    None where no fleet was timed: then only memory limits it.
    """
    steps = total_steps(setup)
    found = {size: speed.found(key(NETWORK, DEFAULT, size)) or {} for size in NETWORK.fleets}
    rates = {size: each[RATE] for size, each in found.items() if RATE in each}
    if not rates:
        return None
    ending = [size for size, rate in rates.items() if steps * size / rate <= USED * left]
    return max(ending, default=max(rates, key=lambda size: rates[size]))
