"""Small models, made-up data and recipes, on which a fleet trains in a moment."""

import torch

from benchmark.data.dataset import Dataset, Split
from benchmark.experiments.experiment import Topology
from benchmark.training.fleet import Recipe
from criteria import load

CPU = torch.device("cpu")
MLP = {"name": "mlp", "widths": [16, 12]}
LENET5 = {"name": "lenet5"}


def some_data(*shape, examples=180, seed=0):
    """Gaussian classes: learnable, but not at once."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(10, (examples,), generator=generator)
    centres = torch.randn(10, *shape, generator=generator)
    inputs = centres[targets] + torch.randn(examples, *shape, generator=generator)
    split = examples // 3
    parts = [Split(inputs[i * split : (i + 1) * split], targets[i * split : (i + 1) * split]) for i in range(3)]
    return Dataset("made up", *parts, classes=10)


def recipe(criterion, growth="gradient", period=2, **settings):
    return Recipe(load(criterion), load(growth, "growth"), Topology(update_period=period, **settings))
