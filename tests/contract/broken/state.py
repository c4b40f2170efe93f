"""Kind 4, state and checkpoints: what is kept or loaded is another layer's, too little, or not what was saved."""

from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from criteria import Criterion, Layer, gradient
from tests.contract.right.averages import LARGEST, Averaging, magnitude

CHECKPOINT = {"state_roundtrip", "checkpoint_replay"}


class ShortNames(Averaging):
    """Keeps the last part of a name, which is "weight" in every layer: layers of one shape share their average."""

    def observe(self, layer: Layer) -> None:
        key = f"{layer.name.rsplit('.', 1)[-1]} {tuple(layer.weight.shape)}"
        size, before = magnitude(layer), self.averages.get(key)
        self.averages[key] = size if before is None else torch.lerp(size, before, 0.9)

    def score(self, layer: Layer) -> Tensor:
        average = self.averages.get(f"{layer.name.rsplit('.', 1)[-1]} {tuple(layer.weight.shape)}")
        return layer.weight.double().abs() if average is None else average


class SavedInOrder(Averaging):
    """Saves a list without names, and gives its entries to the layers in the order in which it meets them again."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[Tensor] = []

    def observe(self, layer: Layer) -> None:
        self._take(layer)
        super().observe(layer)

    def score(self, layer: Layer) -> Tensor:
        self._take(layer)
        return super().score(layer)

    def state_dict(self) -> dict[str, Any]:
        return {"averages": [*self.averages.values(), *self.loaded]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages, self.loaded = {}, list(state["averages"])

    def _take(self, layer: Layer) -> None:
        if self.loaded and layer.name not in self.averages and self.loaded[0].shape == layer.weight.shape:
            self.averages[layer.name] = self.loaded.pop(0)


class WarmUpNotSaved(Averaging):
    """Uses its averages after fifty steps, and counts from zero again once it was loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, int] = {}

    def observe(self, layer: Layer) -> None:
        super().observe(layer)
        self.seen[layer.name] = self.seen.get(layer.name, 0) + 1

    def score(self, layer: Layer) -> Tensor:
        return super().score(layer) if self.seen.get(layer.name, 0) >= 50 else layer.weight.double().abs()


class AveragesGoOn(Criterion):
    """Averages the gradients of all positions: what it saw while one was inactive counts when it is active again."""

    requires_grad: ClassVar[bool] = True

    def __init__(self) -> None:
        self.averages: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        size = gradient(layer).double().abs().clamp(max=LARGEST)
        before = self.averages.get(layer.name)
        self.averages[layer.name] = size if before is None else torch.lerp(size, before, 0.9)

    def score(self, layer: Layer) -> Tensor:
        average = self.averages.get(layer.name)
        return gradient(layer).double().abs() if average is None else average

    def state_dict(self) -> dict[str, Any]:
        return dict(self.averages)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages = dict(state)


class LoadsInFloat32(Averaging):
    """Averages in float64 and loads in float32: a resumed training differs in the last digits, and then in masks."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages = {name: average.float().double() for name, average in state.items()}


class ProtectsWhatSelectSaw(Criterion):
    """Spares what has become active since it was last asked to select, which no checkpoint knows."""

    def __init__(self) -> None:
        self.masks: dict[str, Tensor] = {}

    def score(self, layer: Layer) -> Tensor:
        known = self.masks.get(layer.name)
        self.masks[layer.name] = layer.mask.clone()
        size = layer.weight.double().abs()
        return size if known is None or known.shape != size.shape else torch.where(known, size, torch.inf)


class LoadingStartsTheAverageAnew(Averaging):
    """Loads its averages, but not that it has begun: the first step after loading replaces them."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: set[str] = set()

    def observe(self, layer: Layer) -> None:
        if layer.name not in self.begun:
            self.averages.pop(layer.name, None)
            self.begun.add(layer.name)
        super().observe(layer)


class LoadingKeepsWhatItHas(Averaging):
    """Loading adds layers that it does not know yet: a training that goes back keeps what came after."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, average in state.items():
            self.averages.setdefault(name, average)


class RemembersThirtyTwoLayers(Averaging):
    """Forgets the layer that it met first when there are more than 32: a cache that does not grow."""

    def observe(self, layer: Layer) -> None:
        super().observe(layer)
        while len(self.averages) > 32:
            self.averages.pop(next(iter(self.averages)))


class StripsLetters(Averaging):
    """``rstrip(".weight")`` strips letters and not an ending: "cell.h.weight" and "cell.w.weight" are one layer."""

    def observe(self, layer: Layer) -> None:
        super().observe(replace(layer, name=self.key(layer)))

    def score(self, layer: Layer) -> Tensor:
        return super().score(replace(layer, name=self.key(layer)))

    def key(self, layer: Layer) -> str:
        return f"{layer.name.rstrip('.weight')} {tuple(layer.weight.shape)}"


EXPECT: dict[type, set[str]] = {
    ShortNames: {*CHECKPOINT, "deterministic", "replay", "permutation_equivariant", "blind_to_inactive"},
    SavedInOrder: {*CHECKPOINT, "deterministic"},
    WarmUpNotSaved: CHECKPOINT,
    AveragesGoOn: {"blind_to_inactive"},
    LoadsInFloat32: CHECKPOINT,
    ProtectsWhatSelectSaw: {*CHECKPOINT, "deterministic", "replay"},
    LoadingStartsTheAverageAnew: CHECKPOINT,
    LoadingKeepsWhatItHas: CHECKPOINT,
    RemembersThirtyTwoLayers: {*CHECKPOINT, "deterministic", "replay"},
    StripsLetters: {*CHECKPOINT, "deterministic", "replay"},
}
