"""A fingerprint of the code that trains, by which results of older code are told from those of today's.

Reading it imports no torch.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from benchmark.experiments.setup import Setup
from criteria.plugins import Spec, identity
from criteria.plugins.code import plain_code

_TRAINING = Path(__file__).parent
_BENCHMARK = _TRAINING.parent
_CRITERIA = _BENCHMARK.parent / "criteria"
_DENSE = (
    *("dense.py", "stacked.py", "member_threads.py", "cpu_layout.py", "input_norms.py", "execution.py", "replay.py"),
    "fleet_kernels",
)
_ENGINES = {"dense": _DENSE}
"""The modules and folders of an engine in ``engines/``; of another one what has its name."""
_OF_CRITERIA = (
    "ablation",
    "api",
    "distribution",
    "fan_in",
    "global_scope",
    "normalisation",
    "outcome",
    "randomness",
    "rules",
    "schedule",
    "selection",
    "topology",
    "training/selecting",
)
"""What of ``criteria`` every training runs, whatever its plugins are; those are in the id of a run."""
_OF_SETTINGS = ("experiments/cost", "experiments/setup", "models/flops", "system/communication", "system/seeding")
"""What makes steps, rules and decays of settings, counts operations, shares batches among processes, and seeds."""
_OFFERED = ("data/__init__", "data/dataset", "data/source", "models/__init__", "models/dropout", "models/shapes")
"""What all data sets and models are written against, which their identities know by our version only."""


@cache
def training_code(engine: str, data: str, model: str) -> str:
    """16 hexadecimal digits that change with every statement that trains a network.

    They depend on the code of the training, of the engine, of the topology update, and of the data set and the model by
    their names. Comments, docstrings and the place of a module change nothing, nor do imports, but for the other names
    that they give.
    """
    parts = sorted(plain_code(path.read_text("utf-8")) for path in _modules(engine))
    plugins = [identity(data, "data"), identity(model, "model")]
    return hashlib.sha256("\0".join([*parts, *plugins]).encode()).hexdigest()[:16]


def code_of_setup(setup: Setup) -> str:
    """The fingerprint of the code that trains a setup."""
    return training_code(setup.engine, Spec.parse(setup.data).name, str(setup.model["name"]))


def _modules(engine: str) -> Iterator[Path]:
    engines = _TRAINING / "engines"
    for path in sorted(_TRAINING.rglob("*.py")):
        if engines not in path.parents and path.name != "fingerprint.py":
            yield path
    yield engines / "engine.py"
    for own in (engines / name for name in _ENGINES.get(engine, (f"{engine}.py", engine))):
        if own.is_file():
            yield own
        elif own.is_dir():
            yield from sorted(own.rglob("*.py"))
    yield from (_CRITERIA / f"{name}.py" for name in _OF_CRITERIA)
    yield from (_BENCHMARK / f"{name}.py" for name in _OF_SETTINGS + _OFFERED)
