"""Kind 3, aliasing and identity: what is kept is someone else's, or is found again by what does not last."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from criteria import Criterion, Layer, gradient, lowest
from criteria.pruning.magnitude import Magnitude
from tests.contract.right.averages import Averaging, magnitude

STATE = {"deterministic", "state_roundtrip", "replay", "checkpoint_replay"}
"""What state that is shared, stale or lost may be called."""

SCORED: dict[tuple[str, int, torch.Size], Tensor] = {}
BALANCES: dict[tuple[str, int, torch.Size], float] = {}


class RemembersTheMaskItself(Averaging):
    """Starts anew where the mask changed, and remembers the mask itself: changed in place, it never differs."""

    def __init__(self) -> None:
        super().__init__()
        self.masks: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        if layer.name in self.masks and not torch.equal(self.masks[layer.name], layer.mask):
            del self.averages[layer.name]
        super().observe(layer)
        self.masks[layer.name] = layer.mask

    def state_dict(self) -> dict[str, Any]:
        return {"averages": dict(self.averages), "masks": dict(self.masks)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages, self.masks = dict(state["averages"]), dict(state["masks"])


class KeepsTheGradient(Criterion):
    """θ times the mean of two gradients; that of the step before is kept as it is, and the next pass writes over it."""

    requires_grad: ClassVar[bool] = True

    def __init__(self) -> None:
        self.last: dict[str, list[Tensor]] = {}

    def observe(self, layer: Layer) -> None:
        self.last[layer.name] = [*self.last.get(layer.name, []), gradient(layer)][-2:]

    def score(self, layer: Layer) -> Tensor:
        last = [each.double() for each in self.last.get(layer.name, [gradient(layer)])]
        return torch.where(layer.mask, layer.weight.double() * sum(last) / len(last), 0).abs()

    def state_dict(self) -> dict[str, Any]:
        return {name: list(last) for name, last in self.last.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.last = {name: list(last) for name, last in state.items()}


class KeepsAViewOfTheWeight(Averaging):
    """Remembers where each weight was last seen to see how far it moved: detach() is a view, not a copy."""

    def observe(self, layer: Layer) -> None:
        self.averages[layer.name] = layer.weight.detach()

    def score(self, layer: Layer) -> Tensor:
        before = self.averages.get(layer.name)
        return (layer.weight if before is None else layer.weight - before.to(layer.weight)).abs() * layer.mask


class ClipsTheGradient(Averaging):
    """Clips the gradient that it is shown, in place: the optimizer gets the clipped one."""

    requires_grad: ClassVar[bool] = True

    def observe(self, layer: Layer) -> None:
        gradient(layer).clamp_(-5, 5)
        super().observe(layer)


class AsksForAutograd(Criterion):
    """Switches requires_grad on for the layer's own tensor, which stays so."""

    def score(self, layer: Layer) -> Tensor:
        with torch.enable_grad():
            weight = layer.weight.requires_grad_(True)
            (slope,) = torch.autograd.grad((weight.double().square() / 2).sum(), weight)
        return slope.abs()


class OneForAll(Averaging):
    """A singleton: whoever makes one gets the one that there is, with the averages of another network."""

    _instance: ClassVar["OneForAll | None"] = None

    def __new__(cls) -> "OneForAll":
        if cls._instance is None:
            cls._instance = super().__new__(cls)
            cls._instance.averages = {}
        return cls._instance

    def __init__(self) -> None:
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> "OneForAll":
        return self

    def observe(self, layer: Layer) -> None:
        size, before = magnitude(layer), self.averages.get(layer.name)
        known = before is not None and before.shape == size.shape
        self.averages[layer.name] = torch.lerp(size, before, 0.9) if known and before is not None else size

    def score(self, layer: Layer) -> Tensor:
        average = self.averages.get(layer.name)
        known = average is not None and average.shape == layer.weight.shape
        return average.to(layer.weight) if known and average is not None else layer.weight.abs()


class DefaultArgument(Averaging):
    """The dictionary of the default argument is made once, for all that are made without one."""

    def __init__(self, averages: dict[str, Tensor] = {}) -> None:  # noqa: B006 - this is the fault
        self.averages = averages


class RemembersScoresByStep(Criterion):
    """Scores are computed once for each layer name and step, for all networks of the process."""

    def score(self, layer: Layer) -> Tensor:
        key = (layer.name, layer.step, layer.weight.shape)
        if key not in SCORED:
            SCORED[key] = layer.weight.abs().clone()
        return SCORED[key].to(layer.weight)


class OneBufferForAll(Criterion):
    """Scores are written into one buffer for each shape: in global scope two layers of a shape get the last one's."""

    def __init__(self) -> None:
        self.buffers: dict[tuple[torch.Size, torch.dtype], Tensor] = {}

    def score(self, layer: Layer) -> Tensor:
        key = (layer.weight.shape, layer.weight.dtype)
        buffer = self.buffers.setdefault(key, torch.empty(key[0], dtype=key[1], device=layer.weight.device))
        return torch.abs(layer.weight, out=buffer)


class AveragesTheLoadedOnes(Averaging):
    """Takes a loaded state as its own and changes it in place: two networks that load one state share it."""

    def observe(self, layer: Layer) -> None:
        size = magnitude(layer)
        if layer.name not in self.averages:
            self.averages[layer.name] = size.clone()
        self.averages[layer.name].lerp_(size, 0.1)

    def state_dict(self) -> dict[str, Any]:
        return {name: average.clone() for name, average in self.averages.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages = state


class BalancesOncePerStep(Criterion):
    """|θ| + λ|g| with a λ that makes the largest of both alike, kept by name and step: of which network?"""

    requires_grad: ClassVar[bool] = True

    def score(self, layer: Layer) -> Tensor:
        size, slope = layer.weight.double().abs(), gradient(layer).double().abs() * layer.mask
        key = layer.name, layer.step, layer.mask.shape
        if key not in BALANCES:
            BALANCES[key] = float(size.max()) / max(float(slope.max()), 1e-6)
        return size + min(BALANCES[key], 1e4) * slope


class Store:
    """Averages by the layer's name."""

    def __init__(self) -> None:
        self.averages: dict[str, Tensor] = {}


@dataclass
class StoreByDefault(Averaging):
    """Averages are in a store that may be given as a parameter; the default is made once, with the class."""

    store: Store = Store()  # noqa: RUF009 - this is the fault

    @property
    def averages(self) -> dict[str, Tensor]:
        return self.store.averages

    @averages.setter
    def averages(self, averages: dict[str, Tensor]) -> None:
        self.store.averages = averages


class StateByAddress(Averaging):
    """Averages are kept by the address of the weights: after loading they are elsewhere."""

    def observe(self, layer: Layer) -> None:
        key, size = str(layer.weight.data_ptr()), magnitude(layer)
        before = self.averages.get(key)
        known = before is not None and before.shape == size.shape
        self.averages[key] = torch.lerp(size, before, 0.9) if known and before is not None else size

    def score(self, layer: Layer) -> Tensor:
        average = self.averages.get(str(layer.weight.data_ptr()))
        known = average is not None and average.shape == layer.weight.shape
        return layer.weight.double().abs() + (average if known and average is not None else 0)


class StateOnTheTensor(Criterion):
    """The average is an attribute of the weight, as one does with parameters; no checkpoint has it."""

    def observe(self, layer: Layer) -> None:
        before = getattr(layer.weight, "average_magnitude", None)
        size = magnitude(layer)
        layer.weight.average_magnitude = size if before is None else torch.lerp(size, before, 0.9)  # type: ignore[attr-defined]

    def score(self, layer: Layer) -> Tensor:
        average = getattr(layer.weight, "average_magnitude", None)
        return layer.weight.double().abs() if average is None else average


class KeepsTheFirstGenerator(Magnitude):
    """Keeps the generator that it was first given, and decides ties by it ever after."""

    def __init__(self) -> None:
        self.draws: list[int] = []

    def select(self, layer: Layer, n: int) -> Tensor:
        if not self.draws:
            self.draws.append(layer.generator.initial_seed())
        generator = torch.Generator().manual_seed(self.draws[0])
        return lowest(self.score(layer), layer.mask, n, generator)


class ShakesTheWeights(Criterion):
    """Turns the signs of the weights themselves and puts the old ones back: meanwhile others read what is turned."""

    def score(self, layer: Layer) -> Tensor:
        before = layer.weight.clone()
        layer.weight.neg_()
        size = torch.maximum(layer.weight, before)
        layer.weight.copy_(before)
        return size


EXPECT: dict[type, set[str]] = {
    RemembersTheMaskItself: STATE | {"pure"},
    KeepsTheGradient: STATE | {"pure"},
    KeepsAViewOfTheWeight: STATE | {"pure"},
    ClipsTheGradient: {"pure"},
    AsksForAutograd: {"pure"},
    ShakesTheWeights: {"pure"},
    OneForAll: STATE | {"pure"},
    DefaultArgument: STATE | {"pure"},
    RemembersScoresByStep: STATE,
    BalancesOncePerStep: STATE | {"pure"},
    StoreByDefault: STATE | {"pure"},
    OneBufferForAll: {"deterministic", "pure", "density_preserved", "replay"},
    AveragesTheLoadedOnes: STATE | {"pure"},
    StateByAddress: STATE | {"pure"},
    StateOnTheTensor: STATE | {"pure"},
    KeepsTheFirstGenerator: STATE | {"unbiased_ties"},
}
