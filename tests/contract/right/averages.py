"""Criteria that average over the training, each with its own way of keeping and saving what it has."""

import logging
import time
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from criteria import Criterion, Layer, gradient

LARGEST = 1e6


def magnitude(layer: Layer) -> Tensor:
    """|θ| of active weights up to a bound, so that no average overflows, float64 [*shape]; a new tensor."""
    return layer.weight.detach().double().abs().clamp(max=LARGEST) * layer.mask


class Averaging(Criterion):
    """A running magnitude in float64: tensors are replaced, never changed, and the state is a plain dictionary.

    A position that is inactive counts as zero, whatever is stored there.
    """

    def __init__(self) -> None:
        self.averages: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        size, before = magnitude(layer), self.averages.get(layer.name)
        self.averages[layer.name] = size if before is None else torch.lerp(size, before.to(size), 0.9)

    def score(self, layer: Layer) -> Tensor:
        average = self.averages.get(layer.name)
        return layer.weight.double().abs() if average is None else average.to(layer.weight.device)

    def state_dict(self) -> dict[str, Any]:
        return dict(self.averages)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages = dict(state)


class InPlace(Averaging):
    """Changes its own tensors in place and gives them away as they are, as torch's optimizers do; loading copies."""

    def observe(self, layer: Layer) -> None:
        size = magnitude(layer)
        if layer.name not in self.averages:
            self.averages[layer.name] = size.clone()
        self.averages[layer.name].mul_(0.9).add_(size, alpha=0.1)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages = {name: average.clone() for name, average in state.items()}


class Lazily(Averaging):
    """Buffers are made when a layer is first met, be it by score(): a buffer of zeros is no information."""

    def observe(self, layer: Layer) -> None:
        self._buffer(layer).mul_(0.5).add_(magnitude(layer), alpha=0.5)

    def score(self, layer: Layer) -> Tensor:
        return layer.weight.double().abs() + self._buffer(layer).to(layer.weight.device)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages = {name: average.clone() for name, average in state.items()}

    def _buffer(self, layer: Layer) -> Tensor:
        if layer.name not in self.averages:
            self.averages[layer.name] = torch.zeros_like(layer.weight, dtype=torch.float64)
        return self.averages[layer.name]


class MeanByStep(Averaging):
    """The mean over all steps, by the step that each layer carries: right from step 1, the first there is."""

    def observe(self, layer: Layer) -> None:
        size = magnitude(layer)
        before = self.averages.get(layer.name, torch.zeros_like(size)).to(size)
        self.averages[layer.name] = before + (size - before) / layer.step


class _Moments(NamedTuple):
    mean: Tensor
    count: int


class NamedTuples(Criterion):
    """Keeps NamedTuples, and converts them for a checkpoint, which takes only tensors and plain values."""

    def __init__(self) -> None:
        self.moments: dict[str, _Moments] = {}

    def observe(self, layer: Layer) -> None:
        size = magnitude(layer)
        mean, count = self.moments.get(layer.name, _Moments(torch.zeros_like(size), 0))
        self.moments[layer.name] = _Moments(mean.to(size) + (size - mean.to(size)) / (count + 1), count + 1)

    def score(self, layer: Layer) -> Tensor:
        known = self.moments.get(layer.name)
        return layer.weight.double().abs() if known is None else known.mean.to(layer.weight.device)

    def state_dict(self) -> dict[str, Any]:
        return {name: moments._asdict() for name, moments in self.moments.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.moments = {name: _Moments(**fields) for name, fields in state.items()}


class RootMeanSquare(Criterion):
    """√(v / (1 − βᵗ)) of the active gradients, as Adam has it; the number of steps is saved with v."""

    requires_grad: ClassVar[bool] = True

    def __init__(self) -> None:
        self.squares: dict[str, Tensor] = {}
        self.steps: dict[str, int] = {}

    def observe(self, layer: Layer) -> None:
        square = (gradient(layer).double().clamp(-LARGEST, LARGEST) * layer.mask).square()
        before = self.squares.get(layer.name, torch.zeros_like(square))
        self.squares[layer.name] = torch.lerp(square, before.to(square), 0.99)
        self.steps[layer.name] = self.steps.get(layer.name, 0) + 1

    def score(self, layer: Layer) -> Tensor:
        if layer.name not in self.squares:
            return gradient(layer).double().abs()
        square = self.squares[layer.name].to(layer.weight.device)
        return (square / (1 - 0.99 ** self.steps[layer.name])).sqrt()

    def state_dict(self) -> dict[str, Any]:
        return {"squares": dict(self.squares), "steps": dict(self.steps)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.squares, self.steps = dict(state["squares"]), dict(state["steps"])


class FlatKeys(RootMeanSquare):
    """Saves "layer.field" and splits at the last dot: layers have dots in their names, fields have none."""

    def state_dict(self) -> dict[str, Any]:
        squares = {f"{name}.square": square for name, square in self.squares.items()}
        return squares | {f"{name}.steps": steps for name, steps in self.steps.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        fields: dict[str, dict[str, Any]] = {"square": {}, "steps": {}}
        for key, value in state.items():
            name, field = key.rsplit(".", 1)
            fields[field][name] = value
        self.squares, self.steps = fields["square"], fields["steps"]


class PlainNumbers(Averaging):
    """Saves lists of Python numbers, which have all digits of float64, and the shape beside them."""

    def state_dict(self) -> dict[str, Any]:
        return {name: [list(each.shape), each.flatten().tolist()] for name, each in self.averages.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages = {
            name: torch.tensor(numbers, dtype=torch.float64).view(shape) for name, (shape, numbers) in state.items()
        }


class CorrectedMean(Averaging):
    """A mean from zero, divided by its own weight, a number times a mask: rounded as the default dtype says."""

    def __init__(self) -> None:
        super().__init__()
        self.shares: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        size = magnitude(layer)
        nothing = torch.zeros_like(size)
        self.averages[layer.name] = 0.9 * self.averages.get(layer.name, nothing) + 0.1 * size
        self.shares[layer.name] = 0.9 * self.shares.get(layer.name, nothing) + 0.1 * layer.mask

    def score(self, layer: Layer) -> Tensor:
        if layer.name not in self.averages:
            return layer.weight.double().abs()
        return self.averages[layer.name] / self.shares[layer.name].clamp(min=1e-12)

    def state_dict(self) -> dict[str, Any]:
        return {"averages": dict(self.averages), "shares": dict(self.shares)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages, self.shares = dict(state.get("averages", {})), dict(state.get("shares", {}))


class Profiled(Averaging):
    """Counts its calls, measures their time, and logs both without drawing: none of it decides anything."""

    def __init__(self) -> None:
        super().__init__()
        self.calls, self.seconds = 0, 0.0

    def score(self, layer: Layer) -> Tensor:
        start = time.perf_counter()
        score = super().score(layer)
        self.calls, self.seconds = self.calls + 1, self.seconds + time.perf_counter() - start
        logging.getLogger(__name__).debug("%s: call %d, %f s", layer.name, self.calls, self.seconds)
        return score


RIGHT = (
    *(Averaging, InPlace, Lazily, MeanByStep, NamedTuples, RootMeanSquare, FlatKeys, PlainNumbers, CorrectedMean),
    Profiled,
)
