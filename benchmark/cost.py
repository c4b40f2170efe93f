"""What an experiment costs, from its settings alone: arithmetic that is counted, not time that is measured."""

import json
from functools import lru_cache

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark.data.synthetic import look_of
from benchmark.experiment import Experiment
from benchmark.fleet import build_network
from benchmark.grid import expand
from criteria.plugins import parse

PASSES = 3
"""Forward passes that a training step costs: one forward, and a backward pass that takes two."""


def training_flops(experiment: Experiment) -> int:
    """Floating-point operations of all runs: every example of every epoch, forward and backward.

    Counted are the products of dense weights, since sparse ones are stored densely; not counted are evaluations and
    topology updates, which take a few percent. Raises :class:`InputError` for a model that the data set does not fit.
    """
    return sum(
        run.experiment.training.epochs * look_of(like(run.experiment.data)).examples * step_flops(run.experiment)
        for run in expand(experiment)
    )


def step_flops(experiment: Experiment) -> int:
    """Floating-point operations that one example costs in one optimizer step of one dense network."""
    look = look_of(like(experiment.data))
    return PASSES * _forward_flops(json.dumps(experiment.model), look.shape, look.classes)


def like(data: str) -> str:
    """The data set that ``data`` looks like: itself, or what synthetic data are made after."""
    spec = parse(data)
    return str(dict(spec.parameters).get("like", spec.name))


@lru_cache
def _forward_flops(model: str, shape: tuple[int, ...], classes: int) -> int:
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        build_network(json.loads(model), shape, classes).eval()(torch.empty(1, *shape))
    return int(counter.get_total_flops())
