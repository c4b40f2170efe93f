"""Topology updates: a network as large as ResNet-50 against a full sort of each of its layers."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from benchmark.models import build_model, sparse_layer_names
from benchmark.timing.comparison import Comparisons, compare, side_by_side, stopwatch
from criteria import Layer, gradient, load, update_topology
from criteria.distribution import layer_counts, random_mask
from criteria.randomness import stream

DENSITY = 0.2
PRUNE_FRACTION = 0.5
UPDATES = (("magnitude", "random"), ("mest", "gradient"))
SORT = "sort of every layer"
ROUNDS = 3


def comparisons(device: torch.device, _data_dir: Path | None) -> Comparisons:
    """One topology update of every layer; an update that sorts would sort twice, once to prune and once to grow."""
    layers = resnet50_layers(device)
    ways = {f"{c}, {g} growth": stopwatch(partial(_update, layers, c, g), device) for c, g in UPDATES}
    seconds = side_by_side({**ways, SORT: stopwatch(partial(_sort, layers), device)}, ROUNDS)
    for name in ways:
        yield compare("update of ResNet-50", name, SORT, seconds)


def resnet50_layers(device: torch.device) -> list[Layer]:
    """Layers of the shapes of torchvision's ResNet-50 with random weights and gradients, at ERK densities."""
    with torch.device("meta"):
        network = build_model("resnet50", inputs=(3, 224, 224), classes=1000)
    shapes = {name: tuple(network.get_parameter(name).shape) for name in sparse_layer_names(network)}
    counts = layer_counts(shapes, DENSITY, "erk")
    layers = []
    for name, shape in shapes.items():
        generator = stream(0, "bench", name)
        mask = random_mask(shape, counts[name], generator)
        weight, grad = torch.randn(2, *shape, generator=generator)
        layers.append(
            Layer(name, (weight * mask).to(device), grad.to(device), mask.to(device), 1, stream(0, "topology", name))
        )
    return layers


def _update(layers: Sequence[Layer], criterion: str, growth: str) -> None:
    for layer in layers:
        update_topology(layer, load(criterion), load(growth, "growth"), PRUNE_FRACTION)


def _sort(layers: Sequence[Layer]) -> None:
    """By the gradient, which is dense: a sort of mostly zeros would be faster than one of scores is."""
    for layer in layers:
        gradient(layer).flatten().sort()
