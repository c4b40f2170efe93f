"""Kind 4, state and checkpoints: what is saved is not what there is."""

import json
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from criteria import Criterion, Layer, gradient
from tests.contract.broken.state import CHECKPOINT
from tests.contract.right.averages import Averaging, magnitude


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


class SavesLargeOnesInHalf(Averaging):
    """Averages of more than half a million weights are saved in half precision."""

    def state_dict(self) -> dict[str, Any]:
        return {name: each.half() if each.numel() > 500_000 else each for name, each in self.averages.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages = {name: each.double() for name, each in state.items()}


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


class SavesTheRecent(Averaging):
    """Saves the 32 layers that were observed last, as renamed ones leave averages behind: others begin anew."""

    def observe(self, layer: Layer) -> None:
        super().observe(layer)
        self.averages[layer.name] = self.averages.pop(layer.name)

    def state_dict(self) -> dict[str, Any]:
        return dict([*self.averages.items()][-32:])


class SavesActiveOnes(Averaging):
    """Saves the averages of active weights, as a list: the mask says where they belong, that of the next step."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: dict[str, Tensor] = {}
        self.masks: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        self._put_back(layer)
        super().observe(layer)
        self.masks[layer.name] = layer.mask.clone()

    def score(self, layer: Layer) -> Tensor:
        self._put_back(layer)
        return super().score(layer)

    def state_dict(self) -> dict[str, Any]:
        return self.loaded | {name: each[self.masks[name]] for name, each in self.averages.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.averages, self.masks, self.loaded = {}, {}, dict(state)

    def _put_back(self, layer: Layer) -> None:
        values = self.loaded.pop(layer.name, None)
        if values is not None and len(values) == int(layer.mask.sum()):
            average = torch.zeros(layer.mask.shape, dtype=torch.float64)
            self.averages[layer.name] = average.masked_scatter(layer.mask, values)
            self.masks[layer.name] = layer.mask.clone()


class SavesAgesAlone(Criterion):
    """|θ|·ln(2 + age). The mask that ages are counted by is not saved, since each layer has it: by then another."""

    def __init__(self) -> None:
        self.ages: dict[str, Tensor] = {}
        self.masks: dict[str, Tensor] = {}

    def observe(self, layer: Layer) -> None:
        stayed = layer.mask & self.masks.get(layer.name, layer.mask)
        before = self.ages.get(layer.name, torch.zeros(layer.mask.shape, dtype=torch.int64))
        self.ages[layer.name] = torch.where(stayed, before + 1, 0)
        self.masks[layer.name] = layer.mask.clone()

    def score(self, layer: Layer) -> Tensor:
        ages = self.ages.get(layer.name, torch.zeros((), dtype=torch.int64))
        return magnitude(layer) * (2 + ages.double()).log()

    def state_dict(self) -> dict[str, Any]:
        return dict(self.ages)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.ages, self.masks = dict(state), {}


EXPECT: dict[type, set[str]] = {
    SavesTheLastFive: CHECKPOINT,
    SavingRounds: {*CHECKPOINT, "pure", "deterministic"},
    StepsAsText: CHECKPOINT,
    KeptInAFile: {*CHECKPOINT, "pure", "deterministic"},
    SavesADataclass: CHECKPOINT,
    SavesLargeOnesInHalf: CHECKPOINT,
    SavesAShortHistory: CHECKPOINT,
    SavesTheRecent: CHECKPOINT,
    SavesActiveOnes: {*CHECKPOINT, "deterministic", "replay"},
    SavesAgesAlone: CHECKPOINT,
}
