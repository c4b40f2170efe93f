"""Which engine trains a run fastest, where the user leaves it open: a model of what a step of one network costs.

`dst-bench bench engines` times both engines and prints what this model says beside what it measures.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from benchmark.data import source_of
from benchmark.experiments.runs import Rule
from benchmark.experiments.setup import Setup
from benchmark.models import sparse_layer_names
from benchmark.models.flops import flops_per_weight
from benchmark.training.engines import ENGINES
from benchmark.training.engines.sparse.chain import nodes
from benchmark.training.engines.sparse.momentum.remembered import has_room, steps_that_count
from benchmark.training.initial import structure
from benchmark.training.layer_roles import counts_beside_dense
from criteria.plugins import load

PASSES = 3
"""Products of a layer in a step: forward, and the gradients of its inputs and of its weights."""
MARGIN = 1.25
"""The sparse engine is taken where the model says that it is faster by this factor: the model is not exact."""

RETRACED = 0.5
"""What a step that the sparse engine goes through once more takes, of a step: about two thirds where the first layer is
sparse, and two fifths where it is full."""

SHORT = 1e-3
"""Seconds of a dense step below which nothing is compiled: a training of such steps takes about as long as that."""
CACHED = 2**14
"""Channels times pixels of the largest input that counts as one that stays in the caches: a megabyte of float32 for the
sixteen examples that the sparse engine handles at once."""

POINTS_KERNEL = (5, 5)
"""Of the convolutions that the sparse engine may compute by points. What else they need is asked only for networks that
have one, as it takes numba's second."""


@dataclass(frozen=True)
class Rate:
    """What one core does for an engine."""

    linear: float
    """FLOPs per second on the weights that it multiplies, of linear layers."""
    full_linear: float
    """Of those that are full."""
    convolution: float
    """Of convolutions whose inputs stay in the caches."""
    points: float
    """Of convolutions by points, on all weights of the layer, whatever is inactive."""
    large_convolution: float
    """Of others."""
    per_step: float
    """Seconds of a step beside the products."""
    per_weight: float
    """Seconds of a step for each weight that has a state: the optimizer and the masks."""
    update: float
    """Seconds of a topology update for each weight, active or not."""


RATES = {
    "dense": Rate(
        linear=72e9,
        full_linear=72e9,
        convolution=35e9,
        points=35e9,
        large_convolution=72e9,
        per_step=5.5e-4,
        per_weight=2e-9,
        update=4.5e-8,
    ),
    "sparse": Rate(
        linear=35e9,
        full_linear=60e9,
        convolution=30e9,
        points=65e9,
        large_convolution=16e9,
        per_step=1.9e-4,
        per_weight=1e-9,
        update=7e-8,
    ),
}
"""Of a core with AVX2, fitted to trainings of five networks in one thread. Others change all of them, and the choice
hangs on their ratios.
"""


def fastest_engine(setup: Setup, rule: Rule, density: float, device: torch.device) -> str:
    """The name of the engine that trains networks of a setup under a rule at a density fastest on a device."""
    willing = [name for name, kind in ENGINES.items() if kind.refuses(setup, rule, device) is None]
    if "sparse" not in willing or device.type != "cpu" or _reads_everything(rule):
        return willing[0]
    sparse, dense = (step_seconds(setup, rule, density, name) for name in ("sparse", "dense"))
    return "sparse" if dense > SHORT and sparse * MARGIN < dense else willing[0]


def step_seconds(setup: Setup, rule: Rule, density: float, engine: str) -> float:
    """What a step of one network takes one core, by the model; only ratios between engines mean something."""
    shapes, flops = _layers(setup)
    rate, stored = RATES[engine], density if engine == "sparse" else 1.0
    counts = counts_beside_dense(shapes, stored, setup.topology.distribution, setup.topology.exclude)
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    examples = setup.training.batch_size
    by_points = _by_points(setup, shapes, counts) if engine == "sparse" else set()
    seconds = rate.per_step + rate.per_weight * sum(counts.values())
    for name, shape in shapes.items():
        if name in by_points:
            seconds += PASSES * examples * sizes[name] * flops[name] / rate.points
        else:
            full = counts[name] == sizes[name]
            seconds += PASSES * examples * counts[name] * flops[name] / _rate_of(rate, shape, flops[name], full=full)
    if engine == "sparse":
        steps, again = _remembered(setup, rule), steps_once_more(setup, rule)
        if again > 0 and has_room(sum(counts.values()), steps, np.dtype(np.float32)):
            seconds *= 1 + RETRACED * again
        else:  # the gradients of all weights of convolutions, in the steps that count
            everything = sum(
                examples * sizes[name] * flops[name] / _rate_of(rate, shape, flops[name], full=True)
                for name, shape in shapes.items()
                if len(shape) > 2
            )
            seconds += everything * min(1.0, steps / setup.topology.update_period)
    if rule.criterion is not None:
        seconds += rate.update * sum(sizes.values()) / setup.topology.update_period
    return seconds


def _rate_of(rate: Rate, shape: tuple[int, ...], flops: int, *, full: bool) -> float:
    """FLOPs per second of a layer, ``full`` or not, whose weights cost so many FLOPs each for one example."""
    if len(shape) == 2:
        return rate.full_linear if full else rate.linear
    positions = shape[1] * flops // 2  # a multiplication and an addition for every pixel of the output
    return rate.convolution if positions <= CACHED else rate.large_convolution


def _by_points(setup: Setup, shapes: Mapping[str, tuple[int, ...]], counts: Mapping[str, int]) -> set[str]:
    """The convolutions that the sparse engine computes by points where layers have so many active weights."""
    if not any(shape[2:] == POINTS_KERNEL for shape in shapes.values()):
        return set()
    from benchmark.training.engines.sparse.kernels.filtering import FULL, fits

    look = source_of(setup.data).look
    found = nodes(structure(setup.model, look.shape, look.classes), look.shape)
    able = {f"{node.name}.weight" for node in found if fits(node)}
    return {name for name in able if FULL[1] * counts[name] >= FULL[0] * math.prod(shapes[name])}


def steps_once_more(setup: Setup, rule: Rule) -> float:
    """Steps that the sparse engine does once more, beside one, for the momentum of weights that grow.

    Networks without convolutions have none. Where updates follow each other so closely that the topology changes in the
    steps that count, it makes the gradients of all weights of convolutions in them instead.
    """
    steps, period = _remembered(setup, rule), setup.topology.update_period
    convolves = any(len(shape) > 2 for shape in _layers(setup)[0].values())
    return steps / period if convolves and steps <= period else 0.0


def _layers(setup: Setup) -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
    """Of each sparse layer of a setup's networks: its shape, and FLOPs of one of its weights for one example."""
    look = source_of(setup.data).look
    network = structure(setup.model, look.shape, look.classes)
    names = sparse_layer_names(network)
    shapes = {name: tuple(network.get_parameter(name).shape) for name in names}
    return shapes, flops_per_weight(network, look.shape, names)


def _remembered(setup: Setup, rule: Rule) -> int:
    """How many steps count for the momentum of weights that grow; 0 where none do, or where they begin without."""
    if rule.criterion is None or setup.topology.grown_momentum != "keep":
        return 0
    return steps_that_count(setup.training.momentum, np.dtype(np.float32))


def _reads_everything(rule: Rule) -> bool:
    """Whether somebody reads dense tensors at every step, which the sparse engine would have to make for it."""
    observes = rule.criterion is not None and load(rule.criterion, "criterion").observes
    return observes or (rule.growth is not None and load(rule.growth, "growth").requires_momentum)
