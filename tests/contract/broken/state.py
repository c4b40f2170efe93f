"""Kind 4, state and checkpoints: what is saved is not what there is, or what is loaded is not what was saved."""

import json
import tempfile
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
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


class SavesTheLastFive(Criterion):
    """The mean magnitude of the last twenty steps, of which a checkpoint has five, to keep it small."""

    def __init__(self) -> None:
        self.last: dict[str, deque[Tensor]] = {}

    def observe(self, layer: Layer) -> None:
        self.last.setdefault(layer.name, deque(maxlen=20)).append(magnitude(layer))

    def score(self, layer: Layer) -> Tensor:
        last = self.last.get(layer.name)
        return torch.stack(list(last)).mean(0) if last else layer.weight.double().abs()

    def state_dict(self) -> dict[str, Any]:
        return {name: list(last)[-5:] for name, last in self.last.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.last = {name: deque(last, maxlen=20) for name, last in state.items()}


class SavingRounds(Averaging):
    """Makes its averages small for the checkpoint, its own ones: how often one is written decides the result."""

    def state_dict(self) -> dict[str, Any]:
        self.averages = {name: average.bfloat16().double() for name, average in self.averages.items()}
        return super().state_dict()


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


class StepsAsText(Criterion):
    """Weighs gradients by the mean magnitude of the step before, kept by step and saved as JSON: all keys are text."""

    requires_grad: ClassVar[bool] = True

    def __init__(self) -> None:
        self.means: dict[str, dict[int, float]] = {}

    def observe(self, layer: Layer) -> None:
        active = int(layer.mask.sum())
        self.means.setdefault(layer.name, {})[layer.step] = float(magnitude(layer).sum()) / max(active, 1)

    def score(self, layer: Layer) -> Tensor:
        usual = self.means.get(layer.name, {}).get(layer.step - 1, 1.0)
        return layer.weight.double().abs() + usual * gradient(layer).double().abs()

    def state_dict(self) -> dict[str, Any]:
        return {"means": json.dumps(self.means)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.means = json.loads(state["means"])


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


class KeptInAFile(Averaging):
    """Its state is large, so it is in a file beside the checkpoint, which every later save writes over."""

    file: ClassVar[Path] = Path(tempfile.gettempdir()) / "average_magnitudes.pt"

    def state_dict(self) -> dict[str, Any]:
        torch.save(self.averages, self.file)
        return {"file": str(self.file)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages = torch.load(state["file"], weights_only=True)


@dataclass
class Mean:
    """A mean and how many steps it has."""

    value: Tensor
    steps: int


class SavesADataclass(Criterion):
    """Its state has objects of a class of its own, which a checkpoint that is loaded with weights_only refuses."""

    def __init__(self) -> None:
        self.means: dict[str, Mean] = {}

    def observe(self, layer: Layer) -> None:
        size = magnitude(layer)
        mean = self.means.get(layer.name, Mean(torch.zeros_like(size), 0))
        self.means[layer.name] = Mean(mean.value + (size - mean.value) / (mean.steps + 1), mean.steps + 1)

    def score(self, layer: Layer) -> Tensor:
        return self.means[layer.name].value if layer.name in self.means else layer.weight.double().abs()

    def state_dict(self) -> dict[str, Any]:
        return dict(self.means)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.means = dict(state)


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


class SavesLargeOnesInHalf(Averaging):
    """Averages of more than half a million weights are saved in half precision."""

    def state_dict(self) -> dict[str, Any]:
        return {name: each.half() if each.numel() > 500_000 else each for name, each in self.averages.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages = {name: each.double() for name, each in state.items()}


class StripsLetters(Averaging):
    """``rstrip(".weight")`` strips letters and not an ending: "cell.h.weight" and "cell.w.weight" are one layer."""

    def observe(self, layer: Layer) -> None:
        super().observe(replace(layer, name=self.key(layer)))

    def score(self, layer: Layer) -> Tensor:
        return super().score(replace(layer, name=self.key(layer)))

    def key(self, layer: Layer) -> str:
        return f"{layer.name.rstrip('.weight')} {tuple(layer.weight.shape)}"


class SavesAShortHistory(Criterion):
    """The largest |θ| of the last 20 steps, of which a checkpoint has five, to keep it small."""

    def __init__(self) -> None:
        self.histories: dict[str, list[Tensor]] = {}

    def observe(self, layer: Layer) -> None:
        self.histories[layer.name] = [*self.histories.get(layer.name, []), magnitude(layer)][-20:]

    def score(self, layer: Layer) -> Tensor:
        return torch.stack([layer.weight.double().abs(), *self.histories.get(layer.name, [])]).amax(0)

    def state_dict(self) -> dict[str, Any]:
        return {name: history[-5:] for name, history in self.histories.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.histories = {name: list(history) for name, history in state.items()}


EXPECT: dict[type, set[str]] = {
    ShortNames: {*CHECKPOINT, "deterministic", "replay", "permutation_equivariant", "blind_to_inactive"},
    SavedInOrder: {*CHECKPOINT, "deterministic"},
    WarmUpNotSaved: CHECKPOINT,
    SavesTheLastFive: CHECKPOINT,
    SavingRounds: {*CHECKPOINT, "pure", "deterministic"},
    AveragesGoOn: {"blind_to_inactive"},
    StepsAsText: CHECKPOINT,
    LoadsInFloat32: CHECKPOINT,
    ProtectsWhatSelectSaw: {*CHECKPOINT, "deterministic", "replay"},
    KeptInAFile: {*CHECKPOINT, "pure", "deterministic"},
    SavesADataclass: CHECKPOINT,
    LoadingStartsTheAverageAnew: CHECKPOINT,
    LoadingKeepsWhatItHas: CHECKPOINT,
    RemembersThirtyTwoLayers: {*CHECKPOINT, "deterministic", "replay"},
    SavesLargeOnesInHalf: CHECKPOINT,
    StripsLetters: {*CHECKPOINT, "deterministic", "replay"},
    SavesAShortHistory: CHECKPOINT,
}
