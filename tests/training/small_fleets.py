"""Small models, made-up data and recipes, on which a fleet trains in a moment."""

from collections.abc import Mapping

import torch
from torch import Tensor

from benchmark.data.dataset import Dataset, Split
from benchmark.experiments.setup import Measure, Setup, TopologySettings, TrainingSettings
from benchmark.training.engines.engine import Engine
from benchmark.training.members import Recipe
from criteria import load

CPU = torch.device("cpu")
MLP = {"name": "mlp", "widths": [16, 12]}
LENET5 = {"name": "lenet5"}


def some_data(*shape, examples=180, seed=0, classes=10):
    """Gaussian classes: learnable, but not at once."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(classes, (examples,), generator=generator)
    centres = torch.randn(classes, *shape, generator=generator)
    inputs = centres[targets] + torch.randn(examples, *shape, generator=generator)
    split = examples // 3
    parts = [Split(inputs[i * split : (i + 1) * split], targets[i * split : (i + 1) * split]) for i in range(3)]
    return Dataset("made up", *parts, classes=classes)


def recipe(criterion, growth="gradient", period=2, **settings):
    return Recipe(load(criterion), load(growth, "growth"), TopologySettings(update_period=period, **settings))


def setup(model: Mapping[str, object], training: TrainingSettings, engine: str = "dense", period: int = 2) -> Setup:
    """A setup of any model, also one that is not registered; members bring topologies of their own."""
    return Setup.model_construct(
        data="digits",
        model=dict(model),
        training=training,
        topology=TopologySettings(update_period=period),
        measure=Measure(),
        engine=engine,
    )


def all_weights(engine: Engine) -> dict[str, Tensor]:
    """All parameters of a fleet, [members, *shape], by name."""
    return stacked([engine.weights(index) for index in range(len(engine.members))])


def all_masks(engine: Engine) -> dict[str, Tensor]:
    """All masks of a fleet, bool [members, *shape], by name."""
    return stacked([engine.masks(index) for index in range(len(engine.members))])


def stacked(each: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([tensors[name] for tensors in each]) for name in each[0]}
