"""What an experiment costs, from its settings alone: arithmetic that is counted, not time that is measured."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path

from benchmark.data import Look, source_of
from benchmark.experiments.runs import Run
from benchmark.experiments.setup import Setup
from criteria.plugins import Spec

BACKWARD = 2
"""Forward passes that a backward pass costs: the gradients of a layer's inputs and of its weights are one each."""
KNOWN = Path(__file__).with_name("forward_flops.json")
"""What the networks of the paper's experiments cost, so that listing them does not need torch; a test counts again."""


def training_flops(runs: Sequence[Run]) -> int:
    """Floating-point operations of all runs of an experiment: every example of every epoch, forward and backward.

    Counted are the products of all weights of Linear and Conv layers, active or not, as the dense engine multiplies
    them; not counted are evaluations and topology updates, which take a few percent. Raises :class:`InputError` for a
    model that the data set does not fit.
    """
    steps = Counter((run.setup.data, json.dumps(run.setup.model), run.setup.training.epochs) for run in runs)
    return sum(
        count * epochs * _look(data).examples * _flops(data, model) for (data, model, epochs), count in steps.items()
    )


def flops_per_example(setup: Setup) -> int:
    """Floating-point operations that one example costs in one optimizer step of one network."""
    return _flops(setup.data, json.dumps(setup.model))


def total_steps(setup: Setup) -> int:
    """Optimizer steps of one training."""
    return setup.training.epochs * steps_per_epoch(setup)


def steps_per_epoch(setup: Setup) -> int:
    """Optimizer steps of one epoch, whose last batch may be smaller than the others."""
    return math.ceil(_look(setup.data).examples / setup.training.batch_size)


def like(data: str) -> str:
    """The data set that ``data`` looks like: itself, or what synthetic data are made after."""
    spec = Spec.parse(data)
    return str(dict(spec.parameters)["like"]) if spec.name == "synthetic" else data


def _flops(data: str, model: str) -> int:
    look = _look(data)
    return (1 + BACKWARD) * _forward_flops(model, look.shape, look.classes)


@lru_cache
def _look(data: str) -> Look:
    return source_of(data).look


def counted_forward_flops(model: str, shape: tuple[int, ...], classes: int) -> int:
    """Floating-point operations of one example in one forward pass, from building the network. Imports torch."""
    import torch

    from benchmark.models import build_network, sparse_layer_names
    from benchmark.models.flops import flops_per_weight
    from benchmark.models.trial import require_trainable

    settings = json.loads(model)
    with torch.device("meta"):
        network = build_network(settings, shape, classes)
    require_trainable(settings["name"], network, shape, classes)
    each = flops_per_weight(network, shape, sparse_layer_names(network))
    return sum(flops * network.get_parameter(name).numel() for name, flops in each.items())


def flops_key(model: str, shape: tuple[int, ...], classes: int) -> str:
    """What a network's cost is known by in :data:`KNOWN`."""
    return f"{model} {list(shape)} {classes}"


@lru_cache
def _forward_flops(model: str, shape: tuple[int, ...], classes: int) -> int:
    known = _known().get(flops_key(model, shape, classes))
    return counted_forward_flops(model, shape, classes) if known is None else known


@cache
def _known() -> dict[str, int]:
    found: dict[str, int] = json.loads(KNOWN.read_text(encoding="utf-8"))
    return found
