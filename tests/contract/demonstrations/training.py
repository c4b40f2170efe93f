"""Faults that show in a training: state that is shared, lost, stale or not what was saved.

The training writes in place, as real ones do: weights, gradients, momenta and masks keep their memory, and two layers
have the same shape and names that differ in the middle.
"""

import copy
import io
import math
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from criteria import Criterion, Growth, Layer
from criteria.growth.random import RandomGrowth
from criteria.pruning.magnitude import Magnitude
from tests.contract.demonstrations.layers import (
    Make,
    Plugin,
    input_norms,
    mapped,
    of_layer,
    practised,
    question,
    scores,
    select,
)

NAMES = ("features.0.weight", "features.3.weight", "classifier.weight")
SHAPES = ((6, 5), (6, 5), (4, 3, 2, 2))
STEPS = 64
PERIOD = 4
INTERRUPTED = ((3, 3), (30, 31), (53, 57), (18, 33), (40, 42))
"""When a training is saved and when it dies; at 40 it is saved just after an update."""


@dataclass
class Network:
    """The tensors of a small sparse network, each written in place."""

    seed: int
    time: int = 0
    weights: list[Tensor] = field(default_factory=list)
    masks: list[Tensor] = field(default_factory=list)
    grads: list[Tensor] = field(default_factory=list)
    momenta: list[Tensor] = field(default_factory=list)

    def begin(self) -> "Network":
        """Draw the first weights and masks."""
        for index, shape in enumerate(SHAPES):
            generator = self.generator(index)
            mask = torch.rand(shape, generator=generator) < 0.5
            mask.view(-1)[:2] = torch.tensor([True, False])
            self.masks.append(mask)
            self.weights.append(torch.randn(shape, generator=generator) * mask)
            self.grads.append(torch.zeros(shape))
            self.momenta.append(torch.zeros(shape))
        return self

    def generator(self, label: int) -> torch.Generator:
        """The stream of one layer at this time."""
        return torch.Generator().manual_seed(1_000_003 * self.seed + 1009 * self.time + label)

    def layers(self) -> list[Layer]:
        """The layers as plugins see them: the very tensors."""
        return [
            Layer(
                NAMES[index],
                self.weights[index],
                self.grads[index],
                self.masks[index],
                self.time,
                self.generator(index + 10),
                self.momenta[index] if self.time > 1 else None,
                lambda _, index=index: torch.randn(SHAPES[index], generator=self.generator(index + 20)),
                input_norms(SHAPES[index], 10 * self.time + index),
            )
            for index in range(len(SHAPES))
        ]

    def draw_gradients(self) -> None:
        """The next backward pass."""
        self.time += 1
        for index, grad in enumerate(self.grads):
            grad.copy_(torch.randn(SHAPES[index], generator=self.generator(index + 30)))

    def optimise(self) -> None:
        """One step of SGD with momentum."""
        for weight, mask, grad, momentum in zip(self.weights, self.masks, self.grads, self.momenta, strict=True):
            momentum.mul_(0.9).add_(grad)
            weight.sub_(0.1 * momentum).mul_(mask)

    def copy(self) -> "Network":
        """The same network in other memory, as after loading a checkpoint."""
        return copy.deepcopy(self)


@dataclass(frozen=True)
class Interruption:
    """A training that dies at ``crash`` and goes on from the checkpoint of ``saved``."""

    saved: int
    crash: int


def trajectory(
    make: Make, interrupted: Interruption | None = None, saves: tuple[int, ...] = (), seed: int = 1
) -> list[Any]:
    """Scores before and masks after every update of a training, and all scores in the end."""
    plugin, network, masks = make(), Network(seed).begin(), []
    checkpoint: tuple[bytes, Network, list[Any]] | None = None
    crashed = False
    while network.time < STEPS:
        network.draw_gradients()
        if isinstance(plugin, Criterion):
            for layer in network.layers():
                plugin.observe(layer)
        network.optimise()
        if network.time % PERIOD == 0:
            masks.append([_scores(plugin, network), _update(plugin, network)])
        saving = network.time in saves or (interrupted and network.time in (interrupted.saved, interrupted.crash - 1))
        if saving:
            content = saved(plugin)
            if interrupted and network.time == interrupted.saved:
                checkpoint = (content, network.copy(), list(masks))
        if interrupted and network.time == interrupted.crash and checkpoint and not crashed:
            crashed = True
            plugin = make()
            plugin.load_state_dict(torch.load(io.BytesIO(checkpoint[0]), weights_only=True))
            network, masks = checkpoint[1].copy(), list(checkpoint[2])
    return [*masks, _scores(plugin, network)]


def saved(plugin: Plugin) -> bytes:
    """A checkpoint file with its state."""
    file = io.BytesIO()
    torch.save(plugin.state_dict(), file)
    return file.getvalue()


def _update(plugin: Any, network: Network) -> list[Any]:
    criterion = Magnitude() if isinstance(plugin, Growth) else plugin
    growth = plugin if isinstance(plugin, Growth) else RandomGrowth()
    layers = network.layers()
    for layer, weight, mask in zip(layers, network.weights, network.masks, strict=True):
        n = min(math.ceil(0.3 * int(mask.sum())), int((~mask).sum()))
        pruned = criterion.select(layer, n).clone()
        grown = growth.select(layer, n, ~mask).clone()
        mask.logical_and_(~pruned).logical_or_(grown)
        weight.mul_(mask)
    return [each.tolist() for each in network.masks]


def _scores(plugin: Any, network: Network) -> list[Any]:
    found = []
    for layer in reversed(network.layers()):
        given = copy.deepcopy(plugin).score(layer) if _scored(plugin) else torch.zeros(())
        found.append(given[~layer.mask if isinstance(plugin, Growth) else layer.mask].tolist() if given.dim() else 0)
    return found


def _scored(plugin: Any) -> bool:
    plugin = plugin.inner if isinstance(plugin, _Copying) else plugin
    return type(plugin).score not in (Criterion.score, Growth.score)


def resumes_otherwise(make: Make) -> bool:
    """Whether a training goes on otherwise from a checkpoint, or is changed by writing one."""
    try:
        straight = trajectory(make)
    except Exception:
        return False
    try:
        if trajectory(make, saves=tuple(range(2, STEPS, 3))) != straight:
            return True
        return any(trajectory(make, Interruption(*each)) != straight for each in INTERRUPTED)
    except Exception:
        return True


def replays_otherwise(make: Make) -> bool:
    """Whether the second of two trainings with the same seed is another one, or fails."""
    straight = trajectory(make)
    trajectory(make, seed=2)
    return trajectory(make) != straight


def ignores_what_it_saw(make: Make) -> bool:
    """Whether a training in place ends otherwise than one whose layers are new tensors each time: it keeps aliases."""
    copying = trajectory(lambda: _Copying(make()))  # type: ignore[arg-type, return-value]
    return trajectory(make) != copying


class _Copying(Criterion):
    """Shows a criterion copies of all layers that it observes."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def observe(self, layer: Layer) -> None:
        self.inner.observe(mapped(layer, torch.clone))

    def score(self, layer: Layer) -> Tensor:
        given: Tensor = self.inner.score(layer)
        return given

    def select(self, layer: Layer, n: int) -> Tensor:
        selected: Tensor = self.inner.select(layer, n)
        return selected


def mixes_up_layers(make: Make) -> bool:
    """Whether what was observed of other layers, whose names and shapes resemble its own, changes a layer's answer."""
    network = Network(4).begin()
    alone, both = make(), make()
    assert isinstance(alone, Criterion)
    assert isinstance(both, Criterion)
    for _ in range(3):
        network.draw_gradients()
        network.optimise()
        layers = network.layers()
        alone.observe(mapped(layers[0], torch.clone))
        for layer in layers:
            both.observe(mapped(layer, torch.clone))
    asked = replace(question(), layer=mapped(network.layers()[0], torch.clone))
    one, other = scores(alone, asked), scores(both, asked)
    return one is not None and other is not None and not torch.equal(one, other)


def strips_letters_of_names(make: Make) -> bool:
    """Whether what was observed of another layer, whose name differs in letters of its ending, changes an answer."""
    asked = question()
    asked = replace(asked, layer=replace(asked.layer, name="cell.h.weight"))
    plugin = practised(make, asked.layer)
    then = scores(plugin, asked)
    plugin.observe(replace(mapped(question(seed=1).layer, torch.clone), name="cell.w.weight"))  # type: ignore[union-attr]
    now = scores(plugin, asked)
    return then is None or now is None or not torch.equal(then, now)


def depends_on_the_order_of_layers(make: Make) -> bool:
    """Whether a loaded criterion answers otherwise when the last layer is asked about first."""
    network = Network(4).begin()
    plugin = make()
    for _ in range(3):
        network.draw_gradients()
        for layer in network.layers():
            plugin.observe(mapped(layer, torch.clone))  # type: ignore[union-attr]
    loaded = make()
    loaded.load_state_dict(torch.load(io.BytesIO(saved(plugin)), weights_only=True))  # type: ignore[union-attr, arg-type]
    give = scores if _scored(plugin) else select
    for layer in reversed(network.layers()):
        asked = of_layer(layer, 0.4)
        one, other = give(loaded, asked), give(plugin, asked)
        if not (isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one, other)):
            return True
    return False
