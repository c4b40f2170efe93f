"""Which engine trains a run fastest, where the user leaves it open: a model of what a step of one network costs.

`dst-bench bench engines` times both engines and prints what this model says beside what it measures.
"""

from dataclasses import dataclass

import torch

from benchmark.data import source_of
from benchmark.experiments.runs import Rule
from benchmark.experiments.setup import Setup
from benchmark.models import sparse_layer_names
from benchmark.models.flops import flops_per_weight
from benchmark.training.engines import ENGINES
from benchmark.training.initial import structure
from benchmark.training.layer_roles import counts_beside_dense
from criteria import Criterion
from criteria.plugins import load

PASSES = 3
"""Products of a layer in a step: forward, and the gradients of its inputs and of its weights."""
MARGIN = 1.25
"""The sparse engine is taken where the model says that it is faster by this factor: the model is not exact."""


@dataclass(frozen=True)
class Rate:
    """What one core does for an engine."""

    linear: float
    """FLOPs per second on the weights that it multiplies, of linear layers."""
    convolution: float
    per_step: float
    """Seconds of a step beside the products."""
    per_weight: float
    """Seconds of a step for each weight that has a state: the optimizer and the masks."""


RATES = {
    "dense": Rate(linear=90e9, convolution=57e9, per_step=1e-4, per_weight=2e-9),
    "sparse": Rate(linear=36e9, convolution=35e9, per_step=3.5e-4, per_weight=1e-9),
}
"""Of a core with AVX-512, in whole trainings; others change all of them, and the choice hangs on their ratios.

What a step of the sparse engine takes beside the products is mostly its share of a topology update every 200 steps.
"""


def fastest_engine(setup: Setup, rule: Rule, density: float, device: torch.device) -> str:
    """The name of the engine that trains networks of a setup under a rule at a density fastest on a device."""
    willing = [name for name, kind in ENGINES.items() if kind.refuses(setup, rule, device) is None]
    if "sparse" not in willing or device.type != "cpu" or _reads_everything(rule):
        return willing[0]
    sparse, dense = (step_seconds(setup, density, name) for name in ("sparse", "dense"))
    return "sparse" if sparse * MARGIN < dense else willing[0]


def step_seconds(setup: Setup, density: float, engine: str) -> float:
    """What a step of one network takes one core, by the model; only ratios between engines mean something."""
    look = source_of(setup.data).look
    network = structure(setup.model, look.shape, look.classes)
    names, rate = sparse_layer_names(network), RATES[engine]
    shapes = {name: tuple(network.get_parameter(name).shape) for name in names}
    stored = density if engine == "sparse" else 1.0
    counts = counts_beside_dense(shapes, stored, setup.topology.distribution, setup.topology.exclude)
    flops = flops_per_weight(network, look.shape, names)
    seconds = rate.per_step
    for name, shape in shapes.items():
        per_second = rate.linear if len(shape) == 2 else rate.convolution
        work = PASSES * setup.training.batch_size * flops[name] / per_second
        seconds += counts[name] * (work + rate.per_weight)
    return seconds


def _reads_everything(rule: Rule) -> bool:
    """Whether somebody reads dense tensors at every step, which the sparse engine would have to make for it."""
    observes = rule.criterion is not None and type(load(rule.criterion, "criterion")).observe is not Criterion.observe
    return observes or (rule.growth is not None and load(rule.growth, "growth").requires_momentum)
