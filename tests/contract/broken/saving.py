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


EXPECT: dict[type, set[str]] = {
    SavesTheLastFive: CHECKPOINT,
    SavingRounds: {*CHECKPOINT, "pure", "deterministic"},
    StepsAsText: CHECKPOINT,
    KeptInAFile: {*CHECKPOINT, "pure", "deterministic"},
    SavesADataclass: CHECKPOINT,
    SavesLargeOnesInHalf: CHECKPOINT,
    SavesAShortHistory: CHECKPOINT,
    SavesTheRecent: CHECKPOINT,
}
